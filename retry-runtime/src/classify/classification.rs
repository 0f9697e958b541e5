//! What a failure is, as a small value: may it be tried again, what kind is it, did the server say
//! when, did it ever reach the other side.

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Classification {
    /// Nanoseconds the server asked to wait; `NO_HINT` where it did not.
    hint: u64,
    kind: Kind,
    retryable: bool,
    unsent: bool,
}

const NO_HINT: u64 = u64::MAX;

impl Classification {
    /// Trying again cannot help: authentication, validation, not found, permission, duplicate key,
    /// and everything unknown.
    pub const fn permanent() -> Self {
        Self { hint: NO_HINT, kind: Kind::Transient, retryable: false, unsent: false }
    }

    /// Trying again may help. The kind is [`Kind::Transient`] until [`kind`](Self::kind) says more.
    pub const fn retryable() -> Self {
        Self { hint: NO_HINT, kind: Kind::Transient, retryable: true, unsent: false }
    }

    /// The same with another kind.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same with the server's word on when to come back: not sooner than `hint` from now.
    ///
    /// The hint is the floor of the next delay, not the delay itself. A hint of 584 years or more
    /// is no hint.
    pub const fn after(mut self, hint: Duration) -> Self {
        self.hint = nanos(hint);
        self
    }

    /// The same, and the request surely never reached the other side: connection refused, circuit
    /// open. Only such failures are retried under `replay = "unsent"`.
    pub const fn unsent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.retryable
    }

    /// Whether the request surely never reached the other side.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        self.unsent
    }

    /// The kind of a retryable failure; `None` for a permanent one.
    #[must_use]
    pub const fn retryable_kind(self) -> Option<Kind> {
        if self.retryable { Some(self.kind) } else { None }
    }

    /// How long the server asked to wait, where it did.
    #[must_use]
    pub const fn hint(self) -> Option<Duration> {
        if self.hint == NO_HINT { None } else { Some(Duration::from_nanos(self.hint)) }
    }
}
