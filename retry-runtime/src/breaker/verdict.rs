//! What the outcome of a call says of the circuit.

use std::time::Duration;

use super::Pass;
use crate::classify::{Classification, Kind};

/// What the outcome of a call says of the circuit. Only generated code needs it; by hand a pass is told
/// directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The other side is failing.
    Failure,
    /// The other side answered, be it with a refusal.
    Success,
    /// Neither.
    Ignored,
}

impl Verdict {
    /// Of an error that was classified: what is transient or took too long is a failure, everything
    /// else an answer. A call that another circuit did not let through says nothing.
    #[must_use]
    pub const fn of(class: Classification) -> Self {
        match class.retryable_kind() {
            Some(Kind::Transient | Kind::Timeout) => Self::Failure,
            _ => Self::Success,
        }
    }

    /// Of an error that may say nothing of itself: then it is a failure.
    #[must_use]
    pub const fn of_told(class: Option<Classification>) -> Self {
        match class {
            Some(class) => Self::of(class),
            None => Self::Failure,
        }
    }

    /// Of an error that was looked for.
    #[must_use]
    pub const fn failure_if(found: bool) -> Self {
        if found { Self::Failure } else { Self::Success }
    }
}

impl Pass {
    /// Tells the result, and asks for how long the circuit will admit nobody.
    #[cold]
    #[must_use = "a circuit that admits nobody is not waited for"]
    pub fn settle(self, verdict: Verdict) -> Option<Duration> {
        let reported = match verdict {
            Verdict::Failure => self.failure(),
            Verdict::Success => self.answer(),
            Verdict::Ignored => self.ignore(),
        };
        reported.until_half_open()
    }
}
