//! The decision after a failure: again, and when, or stop, and why.
//!
//! Reads no clock and draws no randomness; what it needs of both comes in with the call.

use crate::classify::{Classification, Kind};
use crate::policy::{Nested, RetryPolicy};
use crate::time::{Timestamp, nanos};

/// Why a call ended: the one list that events, metrics and reports share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The body succeeded.
    Ok,
    /// The failure was permanent.
    Permanent,
    /// The last of `max_attempts` failed.
    Exhausted,
    /// The next attempt would have begun after the deadline, or the running one crossed it.
    Deadline,
    /// The retry budget was empty.
    Budget,
    /// The server asked for a longer wait than the policy allows.
    Hint,
    /// The circuit stays open for longer than the next delay.
    CircuitOpen,
    /// An outer retry was already retrying.
    Nested,
    /// The last poll of a `when_value` still asked for another.
    PollExhausted,
    /// The caller dropped the future, or the body panicked.
    Cancelled,
}

impl StopReason {
    pub(crate) const ALL: [Self; 10] = [
        Self::Ok,
        Self::Permanent,
        Self::Exhausted,
        Self::Deadline,
        Self::Budget,
        Self::Hint,
        Self::CircuitOpen,
        Self::Nested,
        Self::PollExhausted,
        Self::Cancelled,
    ];

    /// The reason in lower case, as logs and metrics print it.
    ///
    /// ```
    /// assert_eq!(retry_runtime::StopReason::CircuitOpen.as_str(), "circuit_open");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Permanent => "permanent",
            Self::Exhausted => "exhausted",
            Self::Deadline => "deadline",
            Self::Budget => "budget",
            Self::Hint => "hint",
            Self::CircuitOpen => "circuit_open",
            Self::Nested => "nested",
            Self::PollExhausted => "poll_exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What happened in an attempt that did not end the call well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An error, or a value that is one.
    Classified(Classification),
    /// A value that `when_value` wants to see again.
    Poll,
    /// The circuit let nobody through: the body was not run.
    Rejected,
}

impl Failure {
    pub(crate) const fn has_hint(self) -> bool {
        matches!(self, Self::Classified(class) if class.hint().is_some())
    }

    /// What the failure was taken for; a poll is none.
    pub(crate) const fn class(self) -> Option<Classification> {
        match self {
            Self::Classified(class) => Some(class),
            Self::Rejected => Some(Classification::retryable().unsent()),
            Self::Poll => None,
        }
    }
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Attempts that have ended, this one included.
    pub(crate) attempts: u32,
    /// Nanoseconds: the delay before the last retry, which some schedules build on.
    pub(crate) previous_delay: u64,
}

/// What surrounds the decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) now: Timestamp,
    /// Nothing may begin at or after this moment.
    pub(crate) deadline: Timestamp,
    /// An outer retry is already retrying.
    pub(crate) suppressed: bool,
    /// Nanoseconds for which the circuit will admit nobody; 0 where it would.
    pub(crate) circuit: u64,
    /// Uniform over all of `u64`.
    pub(crate) random: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Another attempt after so many nanoseconds.
    Retry {
        delay: u64,
    },
    Stop(StopReason),
}

/// Decides after a failure.
///
/// `withdraw` is asked last, so that no token is spent on a retry that something else forbids.
#[inline]
pub(crate) fn decide(
    policy: &RetryPolicy,
    progress: Progress,
    failure: Failure,
    situation: &Situation,
    withdraw: impl FnOnce() -> bool,
) -> Decision {
    let exhausted = progress.attempts >= policy.max_attempts;
    let scheduled =
        || policy.delay_nanos(progress.attempts, progress.previous_delay, situation.random);
    let suppressed = situation.suppressed && policy.nested == Nested::Suppress;
    let delay = match failure {
        Failure::Classified(class) => {
            let Some(kind) = class.retryable_kind() else {
                return Decision::Stop(StopReason::Permanent);
            };
            // What may have been carried out is not sent a second time.
            if policy.unsent_only && !class.is_unsent() {
                return Decision::Stop(StopReason::Permanent);
            }
            if exhausted {
                return Decision::Stop(StopReason::Exhausted);
            }
            if suppressed && kind != Kind::Conflict {
                return Decision::Stop(StopReason::Nested);
            }
            match class.hint() {
                Some(hint) if nanos(hint) > policy.hint_limit() => {
                    return Decision::Stop(StopReason::Hint);
                }
                Some(hint) => policy.hinted_delay(hint, situation.random),
                None => scheduled(),
            }
        }
        Failure::Rejected if exhausted || suppressed => {
            return Decision::Stop(StopReason::CircuitOpen);
        }
        Failure::Poll if exhausted => return Decision::Stop(StopReason::PollExhausted),
        Failure::Rejected | Failure::Poll => scheduled(),
    };
    // A circuit that is still open when the next attempt is due is not waited for.
    if situation.circuit > delay {
        return Decision::Stop(StopReason::CircuitOpen);
    }
    if situation.deadline != Timestamp::MAX
        && situation.now.as_nanos().saturating_add(delay) >= situation.deadline.as_nanos()
    {
        return Decision::Stop(StopReason::Deadline);
    }
    if failure != Failure::Poll && !withdraw() {
        return Decision::Stop(StopReason::Budget);
    }
    Decision::Retry { delay }
}
