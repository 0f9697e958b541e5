//! Run once, answer many: what `#[idempotent]` calls.

pub mod conformance;
mod memory;
mod pointers;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "redis-store")]
mod redis;
pub mod store;
mod table;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "redb")]
pub use redb::RedbStore;
#[cfg(feature = "redis-store")]
pub use redis::RedisStore;
pub use store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Owner, Record,
    RecordState, Resolution, StoreError, StoreErrorKind, StoreFuture, Written,
};
