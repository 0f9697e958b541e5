//! Retries that help rather than hurt.

// The proof that functions are listed when the program is linked.
retry_runtime::__private::register!();

#[cfg(doctest)]
mod guide;

pub use retry_macros::{Classify, circuit_breaker, idempotent, retry};
#[cfg(feature = "http")]
pub use retry_runtime::http;
#[cfg(feature = "idempotent")]
pub use retry_runtime::idempotency;
#[cfg(feature = "metrics")]
pub use retry_runtime::metrics;
#[cfg(feature = "propagate")]
pub use retry_runtime::propagate;
#[cfg(feature = "reqwest")]
pub use retry_runtime::reqwest;

// One line for each concept: what a call is given, how it is tried again, what stops it, what is
// seen of it.
pub use retry_runtime::{Absent, Attempt, AttemptTimeout, Outcome, Timestamp};
pub use retry_runtime::{Audit, Finding, FindingKind, Severity, audit};
pub use retry_runtime::{Backoff, BoxSleep, Jitter, Nested, RetryPolicy, StopReason, set_timer};
pub use retry_runtime::{
    BreakerInfo, BudgetInfo, KeyInfo, OperationInfo, Operations, RetryInfo, WorstCase, operations,
};
pub use retry_runtime::{BudgetExhausted, KeyedBudget, RetryBudget, budget};
pub use retry_runtime::{BudgetSnapshot, KeyResult, OperationSnapshot, Snapshot, snapshot};
pub use retry_runtime::{CircuitBreaker, CircuitOpen, breaker};
pub use retry_runtime::{Classification, Classify, Kind, classify, classify_as};
pub use retry_runtime::{IdempotencyKey, KeyPart, KeyWriter};
pub use retry_runtime::{Report, RetryEvent, reported, reported_sync, testing};

/// The only names that generated code may use. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use retry_runtime::__private::*;
    pub use retry_runtime::classify::{HintField, StatusField};
    pub use retry_runtime::{CircuitBreaker, KeyedBudget, RetryBudget, RetryPolicy};
    pub use retry_runtime::{Classification, Classify, Jitter, Kind, Nested, Outcome};
    pub use retry_runtime::{Finding, FindingKind, IdempotencyKey};
}
