//! The six states of a breaker.

use std::fmt;

/// What a breaker does with calls.
///
/// ```text
///            failures                    break over
///  closed ─────────────▶ open ────────────────────────▶ half-open
///    ▲                    ▲     one failure or expiry      │
///    │                    └────────────────────────────────┤
///    └──────────── `half_open_requests` successes ─────────┘
/// ```
///
/// Forced open, forced closed and disabled are entered and left by hand alone.
///
/// ```
/// use retry_runtime::breaker::{CircuitBreaker, State};
///
/// let breaker = CircuitBreaker::new("docs-state");
/// assert_eq!(breaker.state(), State::Closed);
/// breaker.force_open();
/// assert_eq!(breaker.state().to_string(), "forced open");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls pass and are counted.
    Closed = 0,
    /// Calls pass and are counted, nothing opens it.
    ForcedClosed = 1,
    /// Calls pass and nothing is counted.
    Disabled = 2,
    /// A few probes pass, everything else is rejected.
    HalfOpen = 3,
    /// Calls are rejected until the break is over.
    Open = 4,
    /// Calls are rejected until somebody lifts it.
    ForcedOpen = 5,
}

impl State {
    pub(super) const LAST_ADMITTING: u64 = State::Disabled as u64;

    #[inline]
    pub(super) const fn from_bits(bits: u64) -> Self {
        match bits {
            0 => State::Closed,
            1 => State::ForcedClosed,
            2 => State::Disabled,
            3 => State::HalfOpen,
            4 => State::Open,
            _ => State::ForcedOpen,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Closed => "closed",
            State::ForcedClosed => "forced closed",
            State::Disabled => "disabled",
            State::HalfOpen => "half-open",
            State::Open => "open",
            State::ForcedOpen => "forced open",
        })
    }
}
