//! What the headers of a request say, as numbers. Whoever wrote them may be wrong or hostile: what
//! is not surely meant is not there.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName};

use super::{ATTEMPT, LONGEST_TIME, SUPPRESS_MS, TIMEOUT_MS};

/// What a gRPC client sends: the time that is left as digits and a unit.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How many attempts a gRPC client made before this one (gRFC A6).
const GRPC_PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// What a request says of the attempt that sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Zero where nothing is said.
    pub(super) attempt: u32,
    pub(super) suppress: Option<Duration>,
    pub(super) timeout: Option<Duration>,
}

pub(super) fn said(headers: &HeaderMap, grpc: bool) -> Said {
    let mut said = Said {
        attempt: number(headers, &ATTEMPT).unwrap_or(0),
        suppress: millis(headers, &SUPPRESS_MS),
        timeout: millis(headers, &TIMEOUT_MS),
    };
    if grpc {
        if let Some(previous) = number::<u32>(headers, &GRPC_PREVIOUS_ATTEMPTS) {
            said.attempt = said.attempt.max(previous.saturating_add(1));
        }
        let timeout = text(headers, &GRPC_TIMEOUT).and_then(grpc_timeout);
        // Of two limits the earlier one holds.
        said.timeout = said.timeout.into_iter().chain(timeout).min();
    }
    said
}

/// The one value of a header. Of two nobody knows which one is meant.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    text(headers, name).and_then(digits)
}

fn millis(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    number(headers, name).map(Duration::from_millis).and_then(believed)
}

/// Digits and nothing else: the parser alone would take a `+`.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let fits = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn believed(time: Duration) -> Option<Duration> {
    (time <= LONGEST_TIME).then_some(time)
}

/// One to eight digits and a unit, as the gRPC protocol over HTTP/2 has it.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 {
        return None;
    }
    let number: u64 = digits(number)?;
    believed(match unit {
        "H" => Duration::from_secs(number * 60 * 60),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}
