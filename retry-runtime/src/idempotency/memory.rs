//! The store of one process: a table behind a lock, with the library's clock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, Resolution, StoreFuture,
    Written,
};
use super::table::{Swept, Table};
use super::words::DROPPED;
use crate::drivers::clock;

/// Records in the memory of one process: the default store, and the one for tests.
///
/// It survives nothing and is shared with nobody: two processes each run a key once. It is bounded
/// in records and in bytes; when it is full, expired records go first, and then a claim is refused
/// rather than a record evicted. Every operation answers at once, so a dropped call is marked
/// unknown in the moment it is dropped.
///
/// Clones share their records.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::idempotency::{ClaimRequest, Claimed, IdempotencyStore, MemoryStore, Owner};
///
/// static STORE: MemoryStore = MemoryStore::new();
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let Claimed::Owned { claim, .. } = STORE.claim(ClaimRequest::new("order", Owner(1))).await? else {
///     panic!("nobody else claims it")
/// };
/// STORE.complete("order", claim, b"paid", Duration::from_secs(60)).await?;
/// let answer = STORE.claim(ClaimRequest::new("order", Owner(2))).await?;
/// assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
/// # Ok::<(), retry_runtime::idempotency::StoreError>(())
/// # }).unwrap();
/// ```
pub struct MemoryStore {
    table: OnceLock<Arc<Mutex<Table>>>,
    max_records: usize,
    max_bytes: usize,
}

/// Records that one holding of the lock sweeps, so that nobody waits long for it.
const SWEEP_STEP: usize = 256;

impl MemoryStore {
    /// Records that are kept at most, unless [`bounded`](Self::bounded) says otherwise.
    pub const MAX_RECORDS: usize = 100_000;
    /// Bytes that are kept at most, unless [`bounded`](Self::bounded) says otherwise: keys, values
    /// and 256 bytes a record.
    pub const MAX_BYTES: usize = 256 << 20;

    /// An empty store with the default bounds.
    #[must_use]
    pub const fn new() -> Self {
        Self::bounded(Self::MAX_RECORDS, Self::MAX_BYTES)
    }

    /// An empty store of at most so many records and bytes. A record without a value, or with one of
    /// up to 256 bytes, counts as its key and 256 bytes.
    ///
    /// ```
    /// # use retry_runtime::idempotency::{ClaimRequest, IdempotencyStore, MemoryStore, Owner, StoreErrorKind};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let store = MemoryStore::bounded(1, 1 << 20);
    /// assert!(store.claim(ClaimRequest::new("one", Owner(1))).await.is_ok());
    /// let refused = store.claim(ClaimRequest::new("two", Owner(2))).await.unwrap_err();
    /// assert_eq!(refused.kind(), StoreErrorKind::Full);
    /// # });
    /// ```
    #[must_use]
    pub const fn bounded(max_records: usize, max_bytes: usize) -> Self {
        Self { table: OnceLock::new(), max_records, max_bytes }
    }

    /// How many records there are, expired ones that nobody has swept included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the records count as.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.lock().bytes()
    }

    /// Removes a record, as nothing but a broken store would.
    #[cfg(test)]
    pub(super) fn forget(&self, key: &str) {
        self.lock().forget(key);
    }

    fn table(&self) -> &Arc<Mutex<Table>> {
        self.table
            .get_or_init(|| Arc::new(Mutex::new(Table::new(self.max_records, self.max_bytes))))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // No code of a user runs under the lock.
        self.table().lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        let table = OnceLock::from(Arc::clone(self.table()));
        Self { table, max_records: self.max_records, max_bytes: self.max_bytes }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No keys: they are their users' secrets.
        f.debug_struct("MemoryStore")
            .field("records", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl IdempotencyStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees { durable: false, shared: false }
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(self.table()).addr()
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        Some(Arc::new(self.clone()))
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(async move { self.lock().claim(&request, clock::now()) })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move { Ok(self.lock().renew(key, claim, lease, clock::now())) })
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move { self.lock().complete(key, claim, value, ttl, clock::now()) })
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move { Ok(self.lock().release(key, claim, note, clock::now())) })
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move { Ok(self.lock().mark_unknown(key, claim, note, clock::now())) })
    }

    fn abandon(&self, key: &str, claim: Claim) {
        let now = clock::now();
        self.lock().mark_unknown(key, claim, DROPPED, now);
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move { Ok(self.lock().peek(key, clock::now())) })
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(async move { Ok(self.lock().unknowns(after, most, clock::now())) })
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move { self.lock().resolve(key, fence, resolution, clock::now()) })
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let now = clock::now();
            let mut gone = 0;
            loop {
                // The lock is let go between the steps.
                match self.lock().sweep(now, SWEEP_STEP) {
                    Swept::NothingDue => return Ok(gone),
                    Swept::Removed(removed) => gone += removed,
                }
            }
        })
    }
}
