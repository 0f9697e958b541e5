//! What a body may know of the attempt it runs in, and the error of one that was cut off.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::drivers::clock;
use crate::idempotency_key::IdempotencyKey;
use crate::time::Timestamp;

/// The running attempt, as `context = attempt` binds it in the body.
///
/// ```
/// use retry_runtime::{RetryPolicy, testing};
///
/// static POLICY: RetryPolicy = RetryPolicy::new();
///
/// let _scope = testing::scope();
/// let numbers = POLICY.call(|attempt| {
///     if attempt.is_last() { Some(attempt.number()) } else { None }
/// });
/// assert_eq!(numbers, Some(3));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    number: NonZeroU32,
    max_attempts: u32,
    started: Timestamp,
    deadline: Timestamp,
    key: IdempotencyKey,
}

impl Attempt {
    pub(crate) fn new(
        number: NonZeroU32,
        max_attempts: u32,
        started: Timestamp,
        deadline: Timestamp,
        key: IdempotencyKey,
    ) -> Self {
        Self { number, max_attempts, started, deadline, key }
    }

    /// A key for the other side: the same for every attempt of this call, so that a request whose
    /// answer was lost is told from a new one. Under `#[idempotent]` it is made from the key of the
    /// call and so the same in every process; elsewhere it is drawn once a call.
    #[must_use]
    pub const fn idempotency_key(&self) -> IdempotencyKey {
        self.key
    }

    /// The number of the attempt; the first is 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number.get()
    }

    /// Whether this is a retry.
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        self.number.get() > 1
    }

    /// Whether the policy allows no further attempt.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.number.get() >= self.max_attempts
    }

    /// Time since the call began, all attempts and delays included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        clock::now().saturating_since(self.started)
    }

    /// Time left until the deadline, the function's own or an outer one; `None` without either.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        (self.deadline != Timestamp::MAX).then(|| self.deadline.saturating_since(clock::now()))
    }
}

/// What cut an attempt off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `attempt_timeout`.
    Attempt(Duration),
    /// `deadline`.
    Deadline,
}

impl Limit {
    /// The error that stands for the cut.
    #[must_use]
    pub const fn timeout(self) -> AttemptTimeout {
        match self {
            Self::Attempt(limit) => AttemptTimeout { limit: Some(limit) },
            Self::Deadline => AttemptTimeout::DEADLINE,
        }
    }
}

/// An attempt was cut off by `attempt_timeout`, or by the `deadline` of the call.
///
/// A function with either returns it through `E: From<AttemptTimeout>`, or what `map_timeout` makes
/// of it.
///
/// ```
/// # use retry_runtime::AttemptTimeout;
/// #[derive(Debug)]
/// enum FetchError {
///     TimedOut,
/// }
///
/// impl From<AttemptTimeout> for FetchError {
///     fn from(_: AttemptTimeout) -> Self {
///         Self::TimedOut
///     }
/// }
/// # fn takes<T: From<AttemptTimeout>>() {}
/// # takes::<FetchError>();
/// # takes::<std::io::Error>();
/// # assert!(matches!(FetchError::TimedOut, FetchError::TimedOut));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptTimeout {
    limit: Option<Duration>,
}

impl AttemptTimeout {
    pub(crate) const DEADLINE: Self = Self { limit: None };

    /// The `attempt_timeout` that passed; `None` where the deadline of the call did.
    #[must_use]
    pub const fn limit(&self) -> Option<Duration> {
        self.limit
    }
}

impl fmt::Display for AttemptTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "the attempt took longer than {limit:?}"),
            None => f.write_str("the deadline of the call passed"),
        }
    }
}

impl std::error::Error for AttemptTimeout {}

impl From<AttemptTimeout> for std::io::Error {
    fn from(timeout: AttemptTimeout) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, timeout)
    }
}

impl crate::Classify for AttemptTimeout {
    fn classify(&self) -> crate::Classification {
        crate::Classification::retryable().kind(crate::Kind::Timeout)
    }
}
