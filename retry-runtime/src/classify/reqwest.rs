//! The errors and responses of reqwest.

use std::error::Error as _;

use ::http::{HeaderMap, StatusCode};
use ::reqwest::{Error, Response};

use super::by_source::by_type;
use super::http::{Answer, response_class};
use super::{Classification, Classify, Kind};

/// A connection that was not established is unsent; timeouts are timeouts; a status error goes by
/// its status; a body that breaks off is transient, one that cannot be decoded permanent.
impl Classify for Error {
    fn classify(&self) -> Classification {
        if let Some(status) = self.status() {
            return status.classify();
        }
        if self.is_timeout() {
            let timeout = Classification::retryable().kind(Kind::Timeout);
            return if self.is_connect() { timeout.unsent() } else { timeout };
        }
        let inner = self.source().and_then(by_type);
        if self.is_connect() {
            // A certificate that is refused or a socket that is forbidden stays so.
            return match inner {
                Some(class) if !class.is_retryable() => class,
                _ => Classification::retryable().unsent(),
            };
        }
        if self.is_request() || self.is_body() {
            return inner.unwrap_or(Classification::retryable());
        }
        // Decoding reads the body, so a connection that breaks meanwhile is reported as that, too.
        inner.unwrap_or(Classification::permanent())
    }
}

impl Answer for Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

#[cfg(feature = "reqwest-blocking")]
impl Answer for ::reqwest::blocking::Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

/// Classifies a response that is a value rather than an error, for
/// `#[retry(classify_value = steadfast::reqwest::response)]`.
///
/// Takes the async response, and with the feature `reqwest-blocking` the blocking one. `None` for
/// an answer that is no failure: any status below 400.
///
/// ```
/// use retry_runtime::reqwest::response;
///
/// let answer = http::Response::builder().status(503).header("retry-after", "2").body("").unwrap();
/// let answer = reqwest::Response::from(answer);
///
/// assert_eq!(response(&answer).unwrap().hint(), Some(std::time::Duration::from_secs(2)));
/// ```
#[must_use]
pub fn response<R: Answer>(response: &R) -> Option<Classification> {
    response_class(response)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use reqwest::Client;

    use crate::classify::http::check;
    use crate::classify::{Classify as _, Kind, by_source};

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn answer(status: u16) -> reqwest::Response {
        http::Response::builder().status(status).body("").unwrap().into()
    }

    #[test]
    fn a_refused_connection_is_unsent() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let get = async { Client::new().get(format!("http://{free}")).send().await };
        let class = run(get).unwrap_err().classify();
        assert!(class.is_retryable() && class.is_unsent());
    }

    #[test]
    fn silence_is_a_timeout_that_may_have_been_heard() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let get = async {
            Client::new().get(url).timeout(Duration::from_millis(20)).send().await.unwrap_err()
        };
        let class = run(get).classify();
        assert_eq!(class.retryable_kind(), Some(Kind::Timeout));
        assert!(!class.is_unsent());
    }

    #[test]
    fn a_connection_that_is_closed_without_an_answer_is_transient() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let thread = std::thread::spawn(move || drop(server.accept().unwrap()));
        let class = run(async { Client::new().get(url).send().await.unwrap_err() }).classify();
        thread.join().unwrap();
        assert!(class.is_retryable() && !class.is_unsent());
    }

    /// Answers one request with these bytes and closes the connection.
    fn scripted(answer: &'static [u8]) -> String {
        use std::io::{Read as _, Write as _};
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer).unwrap();
        });
        url
    }

    /// The error of reading such an answer as a text.
    fn broken(answer: &'static [u8]) -> reqwest::Error {
        let url = scripted(answer);
        run(async { Client::new().get(url).send().await.unwrap().text().await.unwrap_err() })
    }

    #[test]
    fn a_body_that_breaks_off_is_transient_and_was_heard() {
        for answer in [
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf" as &[u8],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nhalf",
        ] {
            let error = broken(answer);
            let class = error.classify();
            assert!(class.is_retryable() && !class.is_unsent(), "{error:?}");
        }
    }

    #[test]
    fn an_answer_that_is_no_http_was_heard_too() {
        let url = scripted(b"+PONG\r\n\r\n");
        let error = run(async { Client::new().get(url).send().await.unwrap_err() });
        let class = error.classify();
        assert!(!class.is_unsent(), "{error:?}");
    }

    #[test]
    fn a_body_that_takes_too_long_is_a_timeout() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let (told, wait) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            use std::io::Write as _;
            let (mut stream, _) = silent.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
            // Holds the connection until the client has given up.
            let _ = wait.recv();
        });
        let error = run(async {
            let request = Client::new().get(url).timeout(Duration::from_millis(50));
            request.send().await.unwrap().text().await.unwrap_err()
        });
        drop(told);
        server.join().unwrap();
        assert_eq!(error.classify().retryable_kind(), Some(Kind::Timeout), "{error:?}");
        assert!(!error.classify().is_unsent());
    }

    #[test]
    fn a_connection_that_took_too_long_is_an_unsent_timeout() {
        struct Never;
        impl reqwest::dns::Resolve for Never {
            fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
                Box::pin(std::future::pending())
            }
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let error = runtime.unwrap().block_on(async {
            let client = Client::builder()
                .dns_resolver(std::sync::Arc::new(Never))
                .connect_timeout(Duration::from_secs(10));
            client.build().unwrap().get("http://never.invalid/").send().await.unwrap_err()
        });
        let class = error.classify();
        assert_eq!(class.retryable_kind(), Some(Kind::Timeout), "{error:?}");
        assert!(class.is_unsent());
    }

    #[test]
    fn redirects_without_end_are_permanent() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let client = Client::builder().redirect(reqwest::redirect::Policy::limited(0));
        std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = server.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream
                .write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
        });
        let error = run(async { client.build().unwrap().get(url).send().await.unwrap_err() });
        assert!(error.is_redirect(), "{error:?}");
        assert!(!error.classify().is_retryable());
    }

    #[test]
    fn a_status_error_goes_by_its_status() {
        for (status, retryable) in [(404, false), (429, true), (503, true)] {
            let error = answer(status).error_for_status().unwrap_err();
            assert_eq!(error.classify().is_retryable(), retryable, "{status}");
            assert_eq!(by_source(&std::io::Error::other(error)).is_retryable(), retryable);
        }
    }

    #[test]
    fn a_wrong_url_is_permanent() {
        let error = run(async { Client::new().get("no url").send().await.unwrap_err() });
        assert!(!error.classify().is_retryable());
    }

    #[test]
    fn responses_are_checked() {
        assert!(check(answer(200)).is_ok());
        assert_eq!(check(answer(503)).unwrap_err().status(), 503);
    }
}
