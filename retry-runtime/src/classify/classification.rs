//! What a failure is, as a small value: may it be tried again, what kind is it, did the server say
//! when, did it ever reach the other side.

use std::fmt;
use std::time::Duration;

use crate::time::nanos;

/// Why a retryable failure is retryable.
///
/// The kind decides what the layers around a retry make of a failure: a circuit breaker counts
/// [`Transient`](Kind::Transient) and [`Timeout`](Kind::Timeout) as failures of the dependency and
/// takes the others for answers; a nested retry is suppressed for every kind except
/// [`Conflict`](Kind::Conflict).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The dependency is failing right now: server error, broken connection, unavailable.
    #[default]
    Transient,
    /// Nobody answered in time.
    Timeout,
    /// The caller was asked to slow down: rate limit, quota.
    Throttled,
    /// Somebody else was faster: deadlock, serialization failure, optimistic lock.
    Conflict,
}

impl Kind {
    /// The kind in one lower-case word, as logs and metrics print it.
    ///
    /// ```
    /// assert_eq!(retry_runtime::Kind::Throttled.as_str(), "throttled");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
        }
    }
}

/// What a failure is: permanent, or retryable with what is known beside it.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Classification, Kind};
///
/// const BUSY: Classification = Classification::retryable()
///     .kind(Kind::Throttled)
///     .after(Duration::from_secs(2));
///
/// assert!(BUSY.is_retryable());
/// assert_eq!(BUSY.hint(), Some(Duration::from_secs(2)));
/// assert!(!Classification::permanent().is_retryable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Classification(
    /// One word, so that it travels in a register: the nanoseconds that the server asked to wait
    /// above, `NO_HINT` where it did not; `UNSENT`, `RETRYABLE` and the kind in the low bits.
    u64,
);

const KIND: u64 = 0b11;
const RETRYABLE: u64 = 0b100;
const UNSENT: u64 = 0b1000;
const HINT_SHIFT: u32 = 4;
const NO_HINT: u64 = u64::MAX >> HINT_SHIFT;

impl Classification {
    /// Trying again cannot help: authentication, validation, not found, permission, duplicate key,
    /// and everything unknown.
    pub const fn permanent() -> Self {
        Self(NO_HINT << HINT_SHIFT)
    }

    /// Trying again may help. The kind is [`Kind::Transient`] until [`kind`](Self::kind) says more.
    pub const fn retryable() -> Self {
        Self((NO_HINT << HINT_SHIFT) | RETRYABLE)
    }

    /// The same with another kind.
    pub const fn kind(self, kind: Kind) -> Self {
        Self((self.0 & !KIND) | kind as u64)
    }

    /// The same with the server's word on when to come back: not sooner than `hint` from now.
    ///
    /// The hint is the floor of the next delay, not the delay itself. A hint of 36 years or more
    /// is no hint.
    pub const fn after(self, hint: Duration) -> Self {
        let hint = nanos(hint);
        let hint = if hint < NO_HINT { hint } else { NO_HINT };
        Self((hint << HINT_SHIFT) | (self.0 & (KIND | RETRYABLE | UNSENT)))
    }

    /// The same, and the request surely never reached the other side: connection refused, circuit
    /// open. Only such failures are retried under `replay = "unsent"`.
    pub const fn unsent(self) -> Self {
        Self(self.0 | UNSENT)
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.0 & RETRYABLE != 0
    }

    /// Whether trying again may help, and the server said nothing of when.
    #[inline]
    pub(crate) const fn is_retryable_without_hint(self) -> bool {
        self.is_retryable() && self.0 >> HINT_SHIFT == NO_HINT
    }

    /// Whether the request surely never reached the other side.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        self.0 & UNSENT != 0
    }

    /// The kind of a retryable failure; `None` for a permanent one.
    #[must_use]
    pub const fn retryable_kind(self) -> Option<Kind> {
        if !self.is_retryable() {
            return None;
        }
        Some(match self.0 & KIND {
            0 => Kind::Transient,
            1 => Kind::Timeout,
            2 => Kind::Throttled,
            _ => Kind::Conflict,
        })
    }

    /// How long the server asked to wait, where it did.
    #[must_use]
    pub const fn hint(self) -> Option<Duration> {
        match self.0 >> HINT_SHIFT {
            NO_HINT => None,
            hint => Some(Duration::from_nanos(hint)),
        }
    }
}

impl fmt::Debug for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classification")
            .field("retryable", &self.retryable_kind())
            .field("hint", &self.hint())
            .field("unsent", &self.is_unsent())
            .finish()
    }
}
