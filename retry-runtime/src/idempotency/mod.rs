//! Run once, answer many: what `#[idempotent]` calls.

pub mod conformance;
mod memory;
mod pointers;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redb")]
mod redb;
pub mod store;
mod table;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "redb")]
pub use redb::RedbStore;
pub use store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Owner, Record,
    RecordState, Resolution, StoreError, StoreErrorKind, StoreFuture, Written,
};
