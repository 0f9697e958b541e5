//! What a user sees: events, log lines, statistics. Decorates decisions, never makes one.

pub(crate) mod audit;
pub(crate) mod cold;
pub(crate) mod event;
pub(crate) mod facts;
pub(crate) mod horizon;
pub(crate) mod limit;
pub(crate) mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
pub(crate) mod operations;
pub(crate) mod redact;
pub(crate) mod report;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod snapshot;
pub(crate) mod table;
pub(crate) mod tell;
