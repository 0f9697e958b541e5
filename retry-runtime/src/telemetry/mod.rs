//! What a user sees: events, log lines, statistics. Decorates decisions, never makes one.

pub(crate) mod event;
pub(crate) mod limit;
pub(crate) mod log;
pub(crate) mod redact;
pub(crate) mod report;
pub(crate) mod snapshot;
