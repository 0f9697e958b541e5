//! Run once, answer many: what `#[idempotent]` calls.

#[cfg(feature = "postgres")]
pub mod postgres;
pub mod store;
