//! Run once, answer many: what `#[idempotent]` calls.

pub mod conformance;
mod memory;
mod pointers;
pub mod store;
mod table;

pub use memory::MemoryStore;
pub use store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Owner, Record,
    RecordState, Resolution, StoreError, StoreErrorKind, StoreFuture, Written,
};
