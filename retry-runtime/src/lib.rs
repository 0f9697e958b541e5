//! The runtime of `steadfast`. Depend on `steadfast`, which re-exports what is public here.

mod attempt;
mod backoff;
pub mod breaker;
mod budget;
mod by_hand;
mod call;
pub mod classify;
mod context;
mod defaults;
mod drivers;
mod engine;
mod operation;
mod outcome;
mod policy;
mod shard;
mod telemetry;
pub mod testing;
mod time;

pub use attempt::{Attempt, AttemptTimeout};
pub use backoff::{Backoff, Jitter};
pub use breaker::{CircuitBreaker, CircuitOpen};
pub use budget::{BudgetExhausted, RetryBudget};
#[cfg(feature = "http")]
pub use classify::http;
#[cfg(feature = "reqwest")]
pub use classify::reqwest;
pub use classify::{Classification, Classify, Kind};
pub use drivers::sleep::{BoxSleep, set_timer};
pub use engine::StopReason;
pub use outcome::{Absent, Outcome};
pub use policy::{Nested, RetryPolicy};
pub use telemetry::event::RetryEvent;
pub use telemetry::report::{Report, reported, reported_sync};
pub use telemetry::snapshot::{OperationSnapshot, Snapshot, snapshot};
pub use time::Timestamp;

/// What generated code calls. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::attempt::Limit;
    pub use crate::call::{Blocking, Polled};
    pub use crate::classify::{HintField, InnerField, StatusField, find};
    pub use crate::drivers::sleep::{Sleep, sleep, timer};
    pub use crate::operation::{Operation, State};
    pub use crate::outcome::{
        Cuts, TimedOut, Uncut, call, choose, decided, expect_type, hook, shape, timed_out,
    };
}
