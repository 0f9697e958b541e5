//! What the call tells metrics: one function for each thing that happens, nothing without the
//! feature. So the call has no conditions of its own.

use std::time::Duration;

use crate::engine::StopReason;
use crate::operation::Operation;
use crate::time::Timestamp;

/// How a call ended, for its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// For this reason, after so many attempts.
    Stopped(StopReason, u32),
    /// A fallback answered for an open circuit.
    #[allow(dead_code, reason = "for `fallback`")]
    Fallback,
}

impl Ended {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped(StopReason::Ok, 2..) => "ok_retried",
            Self::Stopped(reason, _) => reason.as_str(),
            Self::Fallback => "fallback",
        }
    }
}

/// A call that began at `started` (zero where nobody looked) has ended; `now` is asked if it did.
#[inline]
pub(crate) fn call_ended(
    operation: &'static Operation,
    ended: Ended,
    started: Timestamp,
    now: impl FnOnce() -> Timestamp,
) {
    if cfg!(feature = "metrics") {
        let result = ended.as_str();
        let took = (started > Timestamp::ZERO).then(|| now().saturating_since(started));
        #[cfg(feature = "metrics")]
        super::metrics::call_ended(operation, result, took);
        let _ = (operation, result, took);
    }
}

/// The body has run. `outcome` is `ok`, or the failure's word in the log.
#[inline]
pub(crate) fn attempt(operation: &'static Operation, outcome: &'static str) {
    #[cfg(feature = "metrics")]
    super::metrics::attempt(operation, outcome);
    let _ = (operation, outcome);
}

/// A retry follows after a delay.
#[inline]
pub(crate) fn delay(operation: &'static Operation, delay: Duration) {
    #[cfg(feature = "metrics")]
    super::metrics::delay(operation, delay);
    let _ = (operation, delay);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_after_a_retry_has_a_word_of_its_own() {
        assert_eq!(Ended::Stopped(StopReason::Ok, 1).as_str(), "ok");
        assert_eq!(Ended::Stopped(StopReason::Ok, 2).as_str(), "ok_retried");
        assert_eq!(Ended::Stopped(StopReason::Exhausted, 3).as_str(), "exhausted");
        assert_eq!(Ended::Fallback.as_str(), "fallback");
    }
}
