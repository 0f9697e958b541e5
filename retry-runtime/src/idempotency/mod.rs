//! Run once, answer many: what `#[idempotent]` calls.

pub mod store;
