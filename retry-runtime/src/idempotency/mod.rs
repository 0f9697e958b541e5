//! Run once, answer many: what `#[idempotent]` calls.

#[cfg(feature = "redis-store")]
pub mod redis;
pub mod store;
