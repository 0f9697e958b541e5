//! Retries that help rather than hurt.

// The proof that functions are listed when the program is linked.
retry_runtime::__private::register!();

#[cfg(doctest)]
mod guide;

pub use retry_macros::{Classify, retry};
#[cfg(feature = "http")]
pub use retry_runtime::http;
#[cfg(feature = "idempotent")]
pub use retry_runtime::idempotency;
#[cfg(feature = "metrics")]
pub use retry_runtime::metrics;
#[cfg(feature = "reqwest")]
pub use retry_runtime::reqwest;
pub use retry_runtime::{
    Absent, Attempt, AttemptTimeout, Audit, Backoff, BoxSleep, BreakerInfo, BudgetExhausted,
    BudgetInfo, BudgetSnapshot, CircuitBreaker, CircuitOpen, Classification, Classify, Finding,
    FindingKind, Jitter, KeyInfo, KeyPart, KeyResult, KeyWriter, Kind, Nested, OperationInfo,
    OperationSnapshot, Operations, Outcome, Report, RetryBudget, RetryEvent, RetryInfo,
    RetryPolicy, Severity, Snapshot, StopReason, Timestamp, WorstCase, audit, breaker, classify,
    classify_as, operations, reported, reported_sync, set_timer, snapshot, testing,
};

/// The only names that generated code may use. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use retry_runtime::__private::*;
    pub use retry_runtime::classify::{HintField, StatusField};
    pub use retry_runtime::{
        Classification, Classify, Finding, FindingKind, Jitter, Kind, Nested, Outcome, RetryBudget,
        RetryPolicy,
    };
}
