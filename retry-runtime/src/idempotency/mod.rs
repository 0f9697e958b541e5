//! Run once, answer many: what `#[idempotent]` calls.
//!
//! A key is claimed in a [store](store::IdempotencyStore), the body runs under a lease, and its answer
//! is stored; whoever brings the same key is answered with it. [`store`] has the laws that a store
//! keeps, [`conformance`] checks them.

mod blocking;
mod call;
pub mod conformance;
mod envelope;
mod error;
mod events;
mod fingerprint;
mod flight;
mod held;
mod later;
mod lease;
mod library;
mod memory;
mod name;
mod operator;
mod own;
mod pointers;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "redis-store")]
mod redis;
mod replay;
mod run;
mod spec;
pub mod store;
mod table;
mod wait;
mod words;

pub use envelope::{MAX_VALUE, Storable};
pub use error::IdempotencyError;
pub use memory::MemoryStore;
pub use operator::{Operator, require, sweep_every};
#[cfg(feature = "postgres")]
pub use postgres::{CommitError, PostgresStore};
pub use process::{default_store, memory_in_use, set_store};
#[cfg(feature = "redb")]
pub use redb::RedbStore;
#[cfg(feature = "redis-store")]
pub use redis::RedisStore;
pub use replay::Reconciled;
pub use store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Owner, Record,
    RecordState, Resolution, StoreError, StoreErrorKind, StoreFuture, Written,
};

/// What generated code calls.
pub(crate) mod private {
    pub use super::fingerprint::Fingerprint;
    pub use super::replay::{Ended, Replay, describe};
    pub use super::run::{
        run, run_blocking, run_blocking_reconciled, run_detached, run_detached_reconciled,
        run_reconciled,
    };
    pub use super::spec::Spec;
}
