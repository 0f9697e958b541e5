//! The store of functions that name none: the process's own, memory until one is set.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::events;
use super::memory::MemoryStore;
use super::store::IdempotencyStore;
use crate::testing;

static STORE: OnceLock<Arc<dyn IdempotencyStore>> = OnceLock::new();
static MEMORY: AtomicBool = AtomicBool::new(false);

/// Sets the store of all idempotent functions of this process that name none.
///
/// Call it before the first of them runs: one that found no store has begun to keep its records in
/// memory, which is said once in the log at WARN.
///
/// ```
/// use std::sync::Arc;
/// use retry_runtime::idempotency::{self, MemoryStore};
///
/// assert!(idempotency::set_store(Arc::new(MemoryStore::new())).is_ok());
/// assert!(!idempotency::memory_in_use(), "it was chosen");
/// assert!(idempotency::set_store(Arc::new(MemoryStore::new())).is_err(), "there is one store");
/// ```
///
/// # Errors
///
/// Gives the store back when there is one already.
pub fn set_store(store: Arc<dyn IdempotencyStore>) -> Result<(), Arc<dyn IdempotencyStore>> {
    STORE.set(store)
}

/// The store of functions that name none: a test scope's own, the one that was set, or one in memory.
#[must_use]
pub fn default_store() -> Arc<dyn IdempotencyStore> {
    if let Some(store) = testing::store() {
        return Arc::new(store);
    }
    let store = STORE.get_or_init(|| {
        MEMORY.store(true, Relaxed);
        events::memory_store_in_use();
        Arc::new(MemoryStore::new())
    });
    Arc::clone(store)
}

/// Whether records of this process are kept in memory because no store was set before one was needed.
#[must_use]
pub fn memory_in_use() -> bool {
    MEMORY.load(Relaxed)
}
