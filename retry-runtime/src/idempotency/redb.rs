//! Records in one file: durable without a server, for one process at a time. The file's lock tells
//! exactly whether an owner lives, so what was in flight when a process died is unknown the moment the
//! file is opened again.
//!
//! `tables.rs` holds the laws, `record.rs` the bytes, `writer.rs` the thread that shares syncs, and
//! `file.rs` the file.

mod errors;
mod file;
mod record;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use self::file::{Opening, lock_fault};
use self::writer::{Answer, Op, OwnedRequest, Writer};
use crate::drivers::{clock, random};
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, Resolution, StoreError,
    StoreErrorKind, StoreFuture, Written,
};
use crate::idempotency::words::{DROPPED, check_key, kept};

/// Idempotency records in one file, synced before they are answered: for a program that runs as one
/// process and has no server to ask. They survive `kill -9` and the death of the machine.
///
/// A thread that the store owns does the work, so no operation blocks the runtime. What is asked for at
/// the same time is written as one transaction with one sync; answers that change nothing need none.
///
/// **Crashes.** One process has the file, by its lock. What was in flight when the last one ended is
/// unknown as soon as the file is opened, without waiting for a lease. After a crash the file is
/// checked when it is opened, which takes time that grows with it.
///
/// **Time.** Within the process leases and expiry run on the monotonic clock; setting the calendar
/// changes nothing. Across a restart the calendar decides about expiry alone: set back by an hour, it
/// keeps records for an hour longer, set forward it forgets them earlier.
///
/// **Where.** A local disk. On a file system without locks [`audit`](IdempotencyStore::audit) says so.
///
/// Clones share the file. When the last one is dropped, what was asked for is still done, and then the
/// file is closed; one who opens it in the same process meanwhile waits for that.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = std::env::temp_dir().join(format!("steadfast-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("answers.redb");
/// use std::time::Duration;
/// use retry_runtime::idempotency::{ClaimRequest, Claimed, IdempotencyStore, Owner, RedbStore};
///
/// let store = RedbStore::open(&path).await?;
/// let Claimed::Owned { claim, .. } = store.claim(ClaimRequest::new("order", Owner(1))).await? else {
///     panic!("nobody else claims it")
/// };
/// store.complete("order", claim, b"paid", Duration::from_secs(60)).await?;
/// drop(store);
///
/// let store = RedbStore::open(&path).await?;
/// let answer = store.claim(ClaimRequest::new("order", Owner(2))).await?;
/// assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
/// # drop(store);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), retry_runtime::idempotency::store::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct RedbStore {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    opening: Opening,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.inner.opening.path).finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens a file, or makes it, readable by its user alone. Its folder has to be there.
    ///
    /// # Errors
    ///
    /// [`InUse`](StoreErrorKind::InUse) when another process, or another store of this one, has the
    /// file open; `Refused` when it may not be opened or its folder is missing; `Corrupt` when it is no database or a broken one; `Incompatible` when a newer version wrote it;
    /// `Full` when there is no room.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (say, said) = oneshot::channel();
        Self::start(Self::opening(path.as_ref()), move |opened| drop(say.send(opened)))?;
        said.await.unwrap_or_else(|_| Err(ended()))
    }

    /// The same for code that has no runtime yet, such as the initialiser of a static. Blocks the thread
    /// for as long as the file takes to be opened.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let (say, said) = std::sync::mpsc::channel();
        Self::start(Self::opening(path.as_ref()), move |opened| drop(say.send(opened)))?;
        said.recv().unwrap_or_else(|_| Err(ended()))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.opening.path
    }

    fn opening(path: &Path) -> Opening {
        Opening {
            path: path.to_owned(),
            session: random::next(),
            calendar: clock::calendar(),
            now: clock::now(),
            #[cfg(test)]
            disk: None,
        }
    }

    fn start(
        opening: Opening,
        opened: impl FnOnce(Result<Self, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let known = opening.clone();
        Writer::start(opening, move |writer| {
            opened(writer.map(|writer| Self { inner: Arc::new(Inner { writer, opening: known }) }));
        })
        .map_err(|error| {
            let words = format!("redb: there is no thread to be had: {error}");
            StoreError::new(StoreErrorKind::Unavailable, words)
        })
    }

    async fn ask(&self, op: Op) -> Result<Answer, StoreError> {
        self.inner.writer.ask(op, clock::now()).await
    }

    async fn write(&self, key: &str, op: impl FnOnce(String) -> Op) -> Result<Written, StoreError> {
        check_key("redb", key)?;
        match self.ask(op(key.to_owned())).await? {
            Answer::Written(written) => Ok(written),
            _ => Err(ended()),
        }
    }
}

impl IdempotencyStore for RedbStore {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees { durable: true, shared: false }
    }

    fn identity(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        Some(Arc::new(self.clone()))
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(async move {
            check_key("redb", request.key)?;
            match self.ask(Op::Claim(OwnedRequest::of(&request))).await? {
                Answer::Claimed(claimed) => Ok(claimed),
                _ => Err(ended()),
            }
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.write(key, move |key| Op::Renew { key, claim, lease }))
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.write(key, move |key| Op::Complete {
            key,
            claim,
            value: value.to_vec(),
            ttl,
        }))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.write(key, move |key| Op::Release {
            key,
            claim,
            note: kept(note).to_owned(),
        }))
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.write(key, move |key| Op::MarkUnknown {
            key,
            claim,
            note: kept(note).to_owned(),
        }))
    }

    fn abandon(&self, key: &str, claim: Claim) {
        let note = DROPPED.to_owned();
        self.inner.writer.tell(Op::MarkUnknown { key: key.to_owned(), claim, note }, clock::now());
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            check_key("redb", key)?;
            match self.ask(Op::Peek { key: key.to_owned() }).await? {
                Answer::Record(record) => Ok(record),
                _ => Err(ended()),
            }
        })
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(async move {
            let after = after.map(str::to_owned);
            match self.ask(Op::Unknowns { after, most }).await? {
                Answer::Records(records) => Ok(records),
                _ => Err(ended()),
            }
        })
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.write(key, move |key| Op::Resolve { key, fence, resolution }))
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut swept = 0;
            let mut from = None;
            loop {
                // One step at a time, so that others get their turn in between.
                let Answer::Swept(removed, next) = self.ask(Op::Sweep { from }).await? else {
                    return Err(ended());
                };
                swept += removed;
                if next.is_none() {
                    return Ok(swept);
                }
                from = next;
            }
        })
    }

    fn audit(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let (say, said) = oneshot::channel();
            let opening = self.inner.opening.clone();
            // A look at the file system, which may be slow, is nothing for a thread of the runtime.
            std::thread::Builder::new()
                .spawn(move || drop(say.send(lock_fault(&opening))))
                .map_err(|_| ended())?;
            said.await.unwrap_or_else(|_| Err(ended())).map(|fault| fault.into_iter().collect())
        })
    }
}

fn ended() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "redb: the thread of the store has ended")
}
