//! HTTP answers that are failures: their status, and what the server says about coming back.
//!
//! | header | read as |
//! |---|---|
//! | `retry-after` | seconds or an HTTP date: the hint |
//! | `retry-after-ms`, `x-ms-retry-after-ms` | milliseconds: the hint |
//! | `x-should-retry` | `false`: permanent, `true`: retryable, whatever the status |
//!
//! Several hints: the longest, because it satisfies the others. `x-should-retry` is what the
//! clients of several public APIs obey; a server that says neither word leaves it to the status.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, StatusCode};

use super::{Classification, Classify, retry_after, retry_after_ms, status};

/// By status; see [`status`](fn@status). The header's hint is not in a status: see [`check`].
impl Classify for StatusCode {
    fn classify(&self) -> Classification {
        status(self.as_u16())
    }
}

/// An HTTP response of whatever client: `http::Response`, `reqwest::Response`.
pub trait Answer {
    /// The status of the response.
    fn status(&self) -> StatusCode;

    /// Its headers.
    fn headers(&self) -> &HeaderMap;
}

impl<B> Answer for ::http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

/// Turns an answer that is a failure (400..=599) into an error that keeps status and hint.
///
/// The status errors of clients drop the headers, and with them the time at which the server wants
/// to be asked again.
///
/// # Errors
///
/// [`StatusError`] for a client or server error.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::Classify;
/// use retry_runtime::http::check;
///
/// let answer = http::Response::builder().status(503).header("retry-after", "2").body(()).unwrap();
/// let error = check(answer).unwrap_err();
///
/// assert_eq!(error.status(), 503);
/// assert_eq!(error.classify().hint(), Some(Duration::from_secs(2)));
/// assert!(check(http::Response::new("body")).is_ok());
/// ```
pub fn check<R: Answer>(response: R) -> Result<R, StatusError> {
    match response_class(&response) {
        Some(class) => Err(StatusError { status: response.status(), class }),
        None => Ok(response),
    }
}

/// Classifies a response that is a value rather than an error, for
/// `#[retry(classify_value = steadfast::http::response)]`.
///
/// `None` for an answer that is no failure: any status below 400.
///
/// ```
/// use retry_runtime::http::response;
///
/// let answer = |status| http::Response::builder().status(status).body(()).unwrap();
///
/// assert!(response(&answer(200)).is_none());
/// assert!(response(&answer(503)).unwrap().is_retryable());
/// assert!(!response(&answer(404)).unwrap().is_retryable());
/// ```
#[must_use]
pub fn response<B>(response: &::http::Response<B>) -> Option<Classification> {
    response_class(response)
}

/// Reads the hint from the headers of a response; the longest of several.
///
/// `now` is the calendar's time, against which dates are read.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use retry_runtime::http::hint;
///
/// let mut headers = http::HeaderMap::new();
/// headers.append("retry-after", "2".parse().unwrap());
/// headers.append("retry-after", "5".parse().unwrap());
/// headers.append("retry-after-ms", "1500".parse().unwrap());
///
/// assert_eq!(hint(&headers, SystemTime::now()), Some(Duration::from_secs(5)));
/// ```
#[must_use]
pub fn hint(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let seconds = texts(headers, "retry-after").filter_map(|value| retry_after(value, now));
    let millis = ["retry-after-ms", "x-ms-retry-after-ms"]
        .into_iter()
        .flat_map(|name| texts(headers, name))
        .filter_map(retry_after_ms);
    seconds.chain(millis).max()
}

/// What an answer is; `None` if it is no failure.
pub(crate) fn response_class(response: &impl Answer) -> Option<Classification> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let headers = response.headers();
    let class = match should_retry(headers) {
        Some(false) => return Some(Classification::permanent()),
        // The kind of the status, where it has one.
        Some(true) if !status.classify().is_retryable() => Classification::retryable(),
        _ => status.classify(),
    };
    // The only clock in classification: a date says nothing without one.
    match hint(headers, SystemTime::now()) {
        Some(hint) => Some(class.after(hint)),
        None => Some(class),
    }
}

/// The server's own word on retrying. Of two words the refusal counts.
fn should_retry(headers: &HeaderMap) -> Option<bool> {
    texts(headers, "x-should-retry")
        .filter_map(|value| value.trim().to_ascii_lowercase().parse::<bool>().ok())
        .min()
}

fn texts<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// The status of one error, where it keeps one.
pub(crate) fn status_of(link: &(dyn Error + 'static)) -> Option<StatusCode> {
    if let Some(error) = super::chain::as_type::<StatusError>(link) {
        return Some(error.status);
    }
    #[cfg(feature = "reqwest")]
    if let Some(error) = super::chain::as_type::<::reqwest::Error>(link) {
        return error.status();
    }
    None
}

/// An HTTP answer that is a failure: its status, and the server's word on coming back.
///
/// Made by [`check`].
///
/// ```
/// use retry_runtime::Classify;
/// use retry_runtime::http::{StatusError, check};
///
/// let answer = http::Response::builder().status(404).body(()).unwrap();
/// let error: StatusError = check(answer).unwrap_err();
///
/// assert_eq!(error.to_string(), "HTTP status 404 Not Found");
/// assert!(!error.classify().is_retryable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusError {
    status: StatusCode,
    class: Classification,
}

impl StatusError {
    /// The status of the answer.
    ///
    /// ```
    /// # let answer = http::Response::builder().status(404).body(()).unwrap();
    /// # let error = retry_runtime::http::check(answer).unwrap_err();
    /// assert_eq!(error.status(), http::StatusCode::NOT_FOUND);
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// How long the server asked to wait, from the moment of the answer.
    ///
    /// ```
    /// # let answer = http::Response::builder().status(503).header("retry-after", "7").body(());
    /// # let error = retry_runtime::http::check(answer.unwrap()).unwrap_err();
    /// assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(7)));
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.class.hint()
    }
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP status {}", self.status)
    }
}

impl Error for StatusError {}

impl Classify for StatusError {
    fn classify(&self) -> Classification {
        self.class
    }
}

#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the references that generated code writes")]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::{HeaderMap, Response, StatusCode};

    use super::{check, hint, response};
    use crate::classify::find::{probe, ways::*};
    use crate::classify::{Classification, by_source};
    use crate::{Classify as _, Kind};

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Response<()> {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(()).unwrap()
    }

    #[test]
    fn answers_below_400_are_no_failures() {
        for status in 100..400 {
            assert_eq!(response(&answer(status, &[("retry-after", "9")])), None, "{status}");
            assert!(check(answer(status, &[])).is_ok(), "{status}");
        }
    }

    #[test]
    fn failures_are_classified_by_status() {
        for status in 400..600 {
            let class = response(&answer(status, &[])).unwrap();
            assert_eq!(class, crate::classify::status(status));
            assert_eq!(check(answer(status, &[])).unwrap_err().classify(), class);
        }
        assert_eq!(StatusCode::TOO_EARLY.classify(), Classification::retryable());
    }

    #[test]
    fn the_longest_of_several_hints_counts() {
        let hint = |headers| response(&answer(503, headers)).unwrap().hint();
        assert_eq!(hint(&[]), None);
        assert_eq!(
            hint(&[("retry-after", "1"), ("retry-after", "3"), ("retry-after", "2")]),
            Some(Duration::from_secs(3))
        );
        assert_eq!(
            hint(&[("retry-after", "1"), ("retry-after-ms", "1500")]),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            hint(&[("x-ms-retry-after-ms", "40"), ("retry-after", "soon")]),
            Some(Duration::from_millis(40))
        );
        assert_eq!(hint(&[("retry-after", "")]), None);
    }

    #[test]
    fn a_date_is_read_against_the_given_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_767);
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(hint(&headers, now), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_value_that_is_no_text_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", http::HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(hint(&headers, SystemTime::UNIX_EPOCH), None);
    }

    #[test]
    fn the_server_may_forbid_and_allow() {
        let class = |status, word| response(&answer(status, &[("x-should-retry", word)])).unwrap();
        assert!(!class(503, "false").is_retryable());
        assert!(!class(503, "False").is_retryable());
        assert!(class(409, "true").is_retryable());
        assert_eq!(class(429, "true").retryable_kind(), Some(Kind::Throttled));
        assert!(class(503, "maybe").is_retryable());
        assert!(!class(404, "maybe").is_retryable());
        let both = answer(503, &[("x-should-retry", "true"), ("x-should-retry", "false")]);
        assert!(!response(&both).unwrap().is_retryable());
    }

    #[test]
    fn status_and_hint_survive_wrapping() {
        let error = check(answer(429, &[("retry-after", "4")])).unwrap_err();
        let error = std::io::Error::other(error);
        assert_eq!(by_source(&error).hint(), Some(Duration::from_secs(4)));
        assert!(
            (&&&&probe::<StatusCode, _>(&error)).steadfast_any(|status: &StatusCode| matches!(
                *status,
                StatusCode::TOO_MANY_REQUESTS
            ))
        );
        assert!(
            !(&&&&probe::<StatusCode, _>(&error))
                .steadfast_any(|status: &StatusCode| matches!(*status, StatusCode::NOT_FOUND))
        );
    }
}
