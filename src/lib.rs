//! Retries that help rather than hurt.
//!
//! ```
//! use std::io;
//! use steadfast::retry;
//!
//! #[retry(max_attempts = 5, base_delay = "100ms", deadline = "10s")]
//! fn read(answers: &mut Vec<io::Result<u8>>) -> io::Result<u8> {
//!     answers.pop().expect("asked once too often")
//! }
//!
//! let _scope = steadfast::testing::scope(); // a test that waits for nothing
//! let mut answers = vec![Ok(7), Err(io::ErrorKind::ConnectionReset.into())];
//! assert_eq!(read(&mut answers).unwrap(), 7);
//! ```
//!
//! # Where to find what
//!
//! | to | look at |
//! |---|---|
//! | try again what may pass | [`retry`](macro@retry), [`RetryPolicy`] for the same without an attribute |
//! | say which errors may pass | [`Classify`](trait@Classify) and its derive, [`Classification`], [`classify`] |
//! | limit what retries cost | [`RetryBudget`], [`budget`] |
//! | stop calling what is down | [`circuit_breaker`](macro@circuit_breaker), [`CircuitBreaker`], [`breaker`](mod@breaker) |
//! | do once what must not happen twice | [`idempotent`](macro@idempotent), `idempotency` for its stores, [`IdempotencyKey`] |
//! | know why a call ended | [`reported`], [`reported_sync`], [`Report`], [`StopReason`] |
//! | see what all of them do | [`snapshot`], [`operations`](operations()), [`audit`](audit()), `metrics` |
//! | carry attempts and deadlines on | `propagate` |
//! | test without waiting | [`testing`] |
//!
//! The attributes stack in one order, outermost first: `idempotent`, `retry`, `circuit_breaker`. Any
//! other order does not compile.
//!
//! # Features
//!
//! On by default: `tokio` (its timer), `statistics` (what [`snapshot`] counts), `operations` (functions
//! listed when the program is linked). [`idempotent`](macro@idempotent): `idempotent` with results in
//! memory, or a store, which brings it: `redb`, `redis-store`, `postgres`. Numbers: `metrics`, `serde`.
//! Across processes: `propagate`, `tower`. Errors of others: `http`, `reqwest`, `reqwest-blocking`,
//! `tonic`, `redis`, `tokio-postgres`, `sqlx`, `anyhow`. Keys: `uuid`.

// The proof that functions are listed when the program is linked.
retry_runtime::__private::register!();

#[cfg(doctest)]
mod guide;

#[cfg(feature = "idempotent")]
pub use retry_macros::idempotent;
#[cfg(not(feature = "idempotent"))]
#[doc(inline)]
pub use retry_macros::idempotent_without_feature as idempotent;
pub use retry_macros::{Classify, circuit_breaker, retry};
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
pub use retry_runtime::breaker::breaker;
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
