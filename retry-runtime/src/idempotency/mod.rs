//! Run once, answer many: what `#[idempotent]` calls.

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redb")]
pub mod redb;
pub mod store;
