//! Retries that help rather than hurt.

#[cfg(doctest)]
mod guide;

pub use retry_macros::{Classify, circuit_breaker, idempotent, retry};
#[cfg(feature = "http")]
pub use retry_runtime::http;
#[cfg(feature = "idempotent")]
pub use retry_runtime::idempotency;
#[cfg(feature = "propagate")]
pub use retry_runtime::propagate;
#[cfg(feature = "reqwest")]
pub use retry_runtime::reqwest;
pub use retry_runtime::{
    Absent, Attempt, AttemptTimeout, Backoff, BoxSleep, BudgetExhausted, CircuitBreaker,
    CircuitOpen, Classification, Classify, IdempotencyKey, Jitter, KeyPart, KeyWriter, KeyedBudget,
    Kind, Nested, OperationSnapshot, Outcome, Report, RetryBudget, RetryEvent, RetryPolicy,
    Snapshot, StopReason, Timestamp, breaker, budget, classify, classify_as, reported,
    reported_sync, set_timer, snapshot, testing,
};

/// The only names that generated code may use. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use retry_runtime::__private::*;
    pub use retry_runtime::classify::{HintField, StatusField};
    pub use retry_runtime::{
        CircuitBreaker, Classification, Classify, IdempotencyKey, Jitter, KeyedBudget, Kind,
        Nested, Outcome, RetryBudget, RetryPolicy,
    };
}
