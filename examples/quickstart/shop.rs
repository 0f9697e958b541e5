//! A small HTTP service that fails the way services do, over real sockets on loopback.
//!
//! What it answers is a script: for every path a list of answers, one per request, the last one
//! repeated. It knows nothing of retries.

use std::{
    collections::{HashMap, VecDeque},
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::RETRY_AFTER,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What the service does with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// 200 with this body.
    Ok(&'static str),
    /// A failing status.
    Status(u16),
    /// A failing status and a `Retry-After` header.
    StatusAfter(u16, &'static str),
    /// A status without a body, but only after this long.
    Slow(Duration, u16),
    /// The request is read, then the connection is reset: no answer at all.
    Reset,
}

/// The running service. Dropping it frees the port and cuts every connection.
pub(crate) struct Shop {
    address: SocketAddr,
    script: Arc<Script>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Shop {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says about the port.
    pub(crate) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Script::default());
        let running = Mutex::new(Some(tokio::spawn(serve(listener, Arc::clone(&script)))));
        Ok(Self { address, script, running })
    }

    /// Where a path of this service is found.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on requests to `path` get these answers in turn; the last one is repeated.
    pub(crate) fn plays(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.script.answers).insert(path.to_owned(), answers.into_iter().collect());
    }

    /// The process dies: nobody listens on the port, open connections break.
    pub(crate) async fn crash(&self) {
        let running = lock(&self.running).take();
        if let Some(task) = running {
            task.abort();
            // Aborted tasks end with an error; the listener is closed once they have ended.
            let _ = task.await;
        }
    }

    /// The process comes back on the same port.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says about the port.
    pub(crate) async fn restart(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        *lock(&self.running) = Some(tokio::spawn(serve(listener, Arc::clone(&self.script))));
        Ok(())
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.running).take() {
            task.abort();
        }
    }
}

/// A seeded mix of good and failing answers, the same on every run: `failing` of a hundred are 503.
pub(crate) fn weather(seed: u64, failing: u64, requests: usize) -> Vec<Answer> {
    let mut state = seed;
    let answers = (0..requests).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if (state >> 33) % 100 < failing { Answer::Status(503) } else { Answer::Ok("in stock") }
    });
    answers.collect()
}

#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
}

impl Script {
    fn next(&self, path: &str) -> Answer {
        let mut answers = lock(&self.answers);
        match answers.get_mut(path) {
            Some(queue) if queue.len() > 1 => queue.pop_front(),
            Some(queue) => queue.front().copied(),
            None => None,
        }
        .unwrap_or(Answer::Status(404))
    }
}

async fn serve(listener: TcpListener, script: Arc<Script>) {
    // Connections live in this task's set, so they die with it.
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(converse(stream, Arc::clone(&script)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, script: Arc<Script>) {
    let service = service_fn(move |request| {
        let script = Arc::clone(&script);
        async move { answer(&request, &script).await }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if (&mut connection).await.is_err() {
        // Without lingering, closing the socket sends RST instead of a polite FIN.
        let stream = connection.into_parts().io.into_inner();
        let _ = stream.set_zero_linger();
    }
}

async fn answer(
    request: &Request<Incoming>,
    script: &Script,
) -> Result<Response<Full<Bytes>>, HangUp> {
    let mut status = StatusCode::OK;
    let mut body = "";
    let mut retry_after = None;
    match script.next(request.uri().path()) {
        Answer::Ok(text) => body = text,
        Answer::Status(code) => status = known(code),
        Answer::StatusAfter(code, when) => {
            status = known(code);
            retry_after = Some(when);
        }
        Answer::Slow(duration, code) => {
            tokio::time::sleep(duration).await;
            status = known(code);
        }
        Answer::Reset => return Err(HangUp),
    }
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    if let Some(when) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, hyper::header::HeaderValue::from_static(when));
    }
    Ok(response)
}

fn known(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("the script uses status codes")
}

/// The service gives up on the connection in the middle of a request.
#[derive(Debug)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HangUp {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn client() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
    }

    /// What the operating system said, at the end of the chain.
    fn kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
        let mut link: &dyn Error = error;
        while let Some(source) = link.source() {
            link = source;
        }
        link.downcast_ref::<io::Error>().map(io::Error::kind)
    }

    #[tokio::test]
    async fn answers_come_in_turn_and_the_last_one_stays() {
        let shop = Shop::open().await.unwrap();
        shop.plays("/a", [Answer::StatusAfter(503, "7"), Answer::Ok("yes")]);
        let get = || async { client().get(shop.url("/a")).send().await.unwrap() };
        let first = get().await;
        assert_eq!(first.status(), 503);
        assert_eq!(first.headers()["retry-after"], "7");
        for _ in 0..2 {
            assert_eq!(get().await.text().await.unwrap(), "yes");
        }
        let elsewhere = client().get(shop.url("/b")).send().await.unwrap();
        assert_eq!(elsewhere.status(), 404);
    }

    #[tokio::test]
    async fn a_reset_reaches_the_client_as_a_reset() {
        let shop = Shop::open().await.unwrap();
        shop.plays("/a", [Answer::Reset]);
        let error = client().get(shop.url("/a")).send().await.unwrap_err();
        assert_eq!(kind(&error), Some(io::ErrorKind::ConnectionReset));
    }

    #[tokio::test]
    async fn a_crashed_service_refuses_and_a_restarted_one_answers_on_the_same_port() {
        let shop = Shop::open().await.unwrap();
        shop.plays("/a", [Answer::Ok("yes")]);
        shop.crash().await;
        let error = client().get(shop.url("/a")).send().await.unwrap_err();
        assert_eq!(kind(&error), Some(io::ErrorKind::ConnectionRefused));
        shop.restart().await.unwrap();
        assert_eq!(client().get(shop.url("/a")).send().await.unwrap().status(), 200);
    }

    #[test]
    fn the_weather_is_the_same_every_day() {
        let failing = |seed| {
            let days = weather(seed, 10, 1000);
            days.iter().map(|answer| matches!(answer, Answer::Status(503))).collect::<Vec<_>>()
        };
        assert_eq!(failing(7), failing(7));
        assert_ne!(failing(7), failing(8));
        let count = failing(7).iter().filter(|&&fails| fails).count();
        assert!((50..150).contains(&count), "{count} of 1000");
    }
}
