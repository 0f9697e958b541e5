//! What a rejected call is told.

use std::fmt;
use std::time::Duration;

use crate::classify::{Classification, Classify};

/// The call was not made: the circuit is open.
///
/// Retryable and surely unsent, with the rest of the break as the hint.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Classify, Timestamp, breaker::CircuitBreaker};
///
/// let breaker = CircuitBreaker::new("docs-open").failure_threshold(1).recovery_jitter(0.0);
/// let at = |seconds| Timestamp::ZERO.saturating_add(Duration::from_secs(seconds));
/// breaker.try_acquire_at(at(0), 0).unwrap().failure_at(at(0));
/// let open = breaker.try_acquire_at(at(10), 0).unwrap_err();
/// assert_eq!(open.retry_after, Some(Duration::from_secs(20)));
/// assert_eq!(open.to_string(), "circuit breaker `docs-open` is open for another 20s");
/// assert!(open.classify().is_retryable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitOpen {
    /// The breaker.
    pub name: &'static str,
    /// When a call may be admitted: at the end of the break, or when the oldest probe expires.
    /// `None` while it is forced open.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_after {
            Some(left) => {
                write!(f, "circuit breaker `{}` is open for another {left:?}", self.name)
            }
            None => write!(f, "circuit breaker `{}` is forced open", self.name),
        }
    }
}

impl std::error::Error for CircuitOpen {}

impl Classify for CircuitOpen {
    fn classify(&self) -> Classification {
        let retryable = Classification::retryable().unsent();
        self.retry_after.map_or(retryable, |left| retryable.after(left))
    }
}

impl From<CircuitOpen> for std::io::Error {
    fn from(open: CircuitOpen) -> Self {
        Self::new(std::io::ErrorKind::ConnectionRefused, open)
    }
}
