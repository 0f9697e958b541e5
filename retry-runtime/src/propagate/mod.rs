//! What surrounds a call, carried where a thread-local value does not reach: into another process,
//! or into a spawned task.
//!
//! A call that runs below a retried attempt does not retry, and keeps the deadline above it. Within
//! one task that happens by itself. Over HTTP the sender writes headers ([`inject`], [`headers`], or
//! `InjectLayer`) and the receiver reads them ([`Incoming`], or `PropagateLayer`), from whom it
//! [trusts](Trust) and from nobody else:
//!
//! | header | value | meaning |
//! |---|---|---|
//! | `steadfast-attempt` | number ≥ 1 | the attempt that sends the request; from 2 on it is a retry |
//! | `steadfast-suppress-ms` | milliseconds | how long retries below it are suppressed; without it a minute |
//! | `steadfast-timeout-ms` | milliseconds | what is left until the sender's deadline |
//!
//! All times are relative to the moment at which the request arrives, so no clocks have to agree;
//! the time on the wire is not subtracted. A header is read if it stands there once and is nothing
//! but digits, at most 20; a time beyond [`LONGEST_TIME`] is not believed. Whatever else it holds is
//! ignored: a malformed header is as good as none.
//!
//! ```
//! use std::time::Duration;
//! use http::HeaderMap;
//! use retry_runtime::propagate::{Incoming, Trust, headers};
//!
//! // Another service retries its request and leaves it two seconds.
//! let mut request = HeaderMap::new();
//! request.insert("steadfast-attempt", "2".parse().unwrap());
//! request.insert("steadfast-timeout-ms", "2000".parse().unwrap());
//!
//! // Unless it is trusted, that means nothing.
//! assert_eq!(Incoming::extract(&request, &Trust::nobody()), Incoming::default());
//!
//! // If it is, the handler's own requests say the same.
//! let incoming = Incoming::extract(&request, &Trust::everyone());
//! assert!(incoming.is_retry());
//! let onwards = incoming.enter(|| headers());
//! assert_eq!(onwards["steadfast-attempt"], "2");
//! assert!(incoming.remaining().unwrap() <= Duration::from_secs(2));
//! ```

mod incoming;
mod read;
mod run;
#[cfg(feature = "tower")]
mod tower;
mod trust;

use std::future::Future;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue};

use crate::context;
use crate::drivers::clock;
use crate::time::Timestamp;

pub use incoming::Incoming;
pub use run::Run;
#[cfg(feature = "tower")]
pub use tower::{Inject, InjectLayer, Propagate, PropagateLayer};
pub use trust::{Origin, Trust};

/// `steadfast-attempt`: the number of the attempt that sends the request; the first is 1.
pub const ATTEMPT: HeaderName = HeaderName::from_static("steadfast-attempt");

/// `steadfast-suppress-ms`: for how many milliseconds retries below the request are suppressed.
pub const SUPPRESS_MS: HeaderName = HeaderName::from_static("steadfast-suppress-ms");

/// `steadfast-timeout-ms`: milliseconds until the sender's deadline.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("steadfast-timeout-ms");

/// The longest time that is believed of a header: 24 hours. Beyond it a request's time limit is a
/// mistake, or a way to say that there is none.
pub const LONGEST_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes what surrounds the running attempt into the headers of a request.
///
/// Call it inside the body that sends the request, so that every attempt writes its own. Whatever
/// the headers said before is replaced; a first attempt without a deadline leaves none.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{RetryPolicy, propagate, testing};
///
/// static POLICY: RetryPolicy = RetryPolicy::new().deadline(Duration::from_secs(30));
///
/// let _scope = testing::scope();
/// let mut seen = Vec::new();
/// POLICY.call(|attempt| {
///     let mut request = http::Request::new(());
///     propagate::inject(request.headers_mut());
///     let number = request.headers().get("steadfast-attempt");
///     seen.push(number.map(|number| number.to_str().unwrap().to_owned()));
///     assert!(request.headers().contains_key("steadfast-timeout-ms"));
///     attempt.is_last().then_some(())
/// });
/// assert_eq!(seen, [None, Some("2".to_owned()), Some("3".to_owned())]);
/// ```
pub fn inject(headers: &mut HeaderMap) {
    remove(headers);
    let ambient = context::current();
    // The usual case, which reads no clock.
    if ambient.suppressed_until == Timestamp::ZERO && ambient.deadline == Timestamp::MAX {
        return;
    }
    let now = clock::now();
    if ambient.suppressed_until > Timestamp::ZERO {
        let left = context::stamped(ambient, now).saturating_since(now);
        if !left.is_zero() {
            // Rounded up: a retry is one until the end.
            let left = left.saturating_add(Duration::from_nanos(999_999));
            headers.insert(ATTEMPT, HeaderValue::from(ambient.attempt));
            headers.insert(SUPPRESS_MS, HeaderValue::from(millis(left)));
        }
    }
    if ambient.deadline != Timestamp::MAX {
        let left = ambient.deadline.saturating_since(now);
        headers.insert(TIMEOUT_MS, HeaderValue::from(millis(left)));
    }
}

/// [`inject`] into headers of their own, for clients that build a request step by step:
/// `client.get(url).headers(propagate::headers())`.
///
/// ```
/// assert!(retry_runtime::propagate::headers().is_empty(), "nothing surrounds this line");
/// ```
#[must_use]
pub fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    headers
}

/// Lets a task inherit what surrounds the running attempt: `tokio::spawn(with_current(future))`.
///
/// Spawned tasks inherit nothing by themselves, because many of them are none of the attempt's
/// business. One that is part of its work must not retry either while the attempt is a retry, and
/// has to end by its deadline.
///
/// What surrounds the call of this function is meant, whoever polls the future.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{RetryPolicy, propagate};
///
/// static POLICY: RetryPolicy = RetryPolicy::new().deadline(Duration::from_secs(30));
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// POLICY.call_async(async |_| {
///     let bare = tokio::spawn(async { propagate::headers() });
///     let wrapped = tokio::spawn(propagate::with_current(async { propagate::headers() }));
///     assert!(bare.await.unwrap().is_empty());
///     assert!(wrapped.await.unwrap().contains_key("steadfast-timeout-ms"));
///     Some(())
/// }).await;
/// # }
/// ```
pub fn with_current<F: Future>(future: F) -> Run<F> {
    Incoming::current().run(future)
}

/// [`with_current`] for the closure of a thread: `spawn_blocking(with_current_blocking(work))`.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{RetryPolicy, propagate};
///
/// static POLICY: RetryPolicy = RetryPolicy::new().deadline(Duration::from_secs(30));
///
/// POLICY.call(|_| {
///     let work = propagate::with_current_blocking(propagate::headers);
///     let headers = std::thread::spawn(work).join().unwrap();
///     assert!(headers.contains_key("steadfast-timeout-ms"));
///     Some(())
/// });
/// ```
pub fn with_current_blocking<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let current = Incoming::current();
    move || current.enter(work)
}

/// Takes our words off: they speak of one hop.
fn remove(headers: &mut HeaderMap) {
    for name in [ATTEMPT, SUPPRESS_MS, TIMEOUT_MS] {
        headers.remove(name);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
