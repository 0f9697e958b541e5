//! The runtime of `steadfast`. Depend on `steadfast`, which re-exports what is public here.

mod attempt;
mod backoff;
pub mod breaker;
pub mod budget;
mod by_hand;
mod call;
pub mod classify;
mod context;
mod defaults;
mod drivers;
mod engine;
#[cfg(feature = "idempotent")]
pub mod idempotency;
mod idempotency_key;
mod key;
mod opaque;
mod operation;
mod outcome;
mod policy;
#[cfg(feature = "propagate")]
pub mod propagate;
mod registry;
mod shard;
mod telemetry;
pub mod testing;
mod time;
mod unlikely;

pub use attempt::{Attempt, AttemptTimeout};
pub use backoff::{Backoff, Jitter};
pub use breaker::{CircuitBreaker, CircuitOpen};
pub use budget::{BudgetExhausted, KeyedBudget, RetryBudget};
#[cfg(feature = "http")]
pub use classify::http;
#[cfg(feature = "reqwest")]
pub use classify::reqwest;
pub use classify::{Classification, Classify, Kind};
pub use drivers::sleep::{BoxSleep, set_timer};
pub use engine::StopReason;
pub use idempotency_key::IdempotencyKey;
pub use key::{KeyPart, KeyWriter};
pub use outcome::{Absent, Outcome};
pub use policy::{Nested, RetryPolicy};
pub use telemetry::audit::{Audit, Finding, FindingKind, Severity, audit};
pub use telemetry::cold::KeyResult;
pub use telemetry::event::RetryEvent;
pub use telemetry::horizon::WorstCase;
#[cfg(feature = "metrics")]
pub use telemetry::metrics;
pub use telemetry::operations::{
    BreakerInfo, BudgetInfo, KeyInfo, OperationInfo, Operations, RetryInfo, operations,
};
pub use telemetry::report::{Report, reported, reported_sync};
pub use telemetry::snapshot::{BudgetSnapshot, OperationSnapshot, Snapshot, snapshot};
pub use time::Timestamp;

/// What generated code calls. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::__register as register;
    pub use crate::__start as start;
    pub use crate::attempt::Limit;
    pub use crate::breaker::{Attached, MOST_KEYS, Measured, Pass, Verdict};
    pub use crate::call::{Blocking, Failed, Polled, blocking, deposit};
    pub use crate::classify::{HintField, InnerField, StatusField, find};
    pub use crate::drivers::sleep::{Delay, Sleep, delay, timer, waits};
    #[cfg(feature = "idempotent")]
    pub use crate::idempotency::{default_store, memory_in_use, private::*};
    pub use crate::key::Key;
    pub use crate::operation::{Operation, State};
    pub use crate::outcome::{
        Cuts, Fresh, Opened, TimedOut, Uncut, call, choose, cold, decided, expect_type, fresh,
        hook, opened, shape, timed_out,
    };
    #[cfg(feature = "idempotent")]
    pub use crate::outcome::{Unclaimed, unclaimed};
    pub use crate::registry::prove;
    pub use crate::telemetry::facts::{KeyFacts, elsewhere};
    // Names that rustc shows where borrow checking refuses a body.
    pub use crate::__attempt as a_body_that_returns_or_keeps_a_borrow_of_its_exclusive_reference_cannot_be_retried;
    pub use crate::__attempt as every_attempt_needs_self_so_take_a_reference_or_clone_what_the_body_consumes;
    pub use crate::__attempt as every_attempt_needs_the_arguments_so_name_what_the_body_consumes_in_clone;
}
