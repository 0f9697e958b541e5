//! The store on a disk that is slow, full or failing, and on a clock that is set.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ::redb::backends::InMemoryBackend;
use ::redb::{Builder, Database, DatabaseError, StorageBackend};

use super::RedbStore;
use crate::drivers::clock;
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, IdempotencyStore as _, Owner, RecordState, StoreErrorKind,
    Written,
};
use crate::testing;

const DAY: Duration = Duration::from_secs(86_400);

/// A disk in memory. Clones are the same one, so that it can be opened again.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    blocks: Arc<InMemoryBackend>,
    condition: Arc<Condition>,
}

#[derive(Debug, Default)]
struct Condition {
    syncs: AtomicU64,
    slow: AtomicBool,
    full: AtomicBool,
    failing: AtomicBool,
    /// As the lock of a file.
    held: AtomicBool,
}

/// What a sync of a slow disk takes.
const SYNC: Duration = Duration::from_millis(4);

impl Disk {
    fn new() -> Self {
        Self { blocks: Arc::new(InMemoryBackend::new()), condition: Arc::default() }
    }

    fn writable(&self) -> io::Result<()> {
        if self.condition.full.load(SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.condition.failing.load(SeqCst) {
            return Err(io::Error::other("the disk does not answer"));
        }
        Ok(())
    }

    pub(super) fn database(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        if self.condition.held.swap(true, SeqCst) {
            return Err(DatabaseError::DatabaseAlreadyOpen);
        }
        let opened = builder.create_with_backend(self.clone());
        if opened.is_err() {
            self.condition.held.store(false, SeqCst);
        }
        opened
    }

    fn open_at(&self, calendar: Duration) -> RedbStore {
        let mut opening = RedbStore::opening(Path::new("memory"));
        opening.calendar = calendar;
        opening.disk = Some(self.clone());
        let (say, said) = mpsc::channel();
        RedbStore::start(opening, move |opened| drop(say.send(opened))).unwrap();
        said.recv().unwrap().unwrap()
    }

    fn open(&self) -> RedbStore {
        self.open_at(clock::calendar())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.blocks.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.blocks.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?;
        self.blocks.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.writable()?;
        self.condition.syncs.fetch_add(1, SeqCst);
        if self.condition.slow.load(SeqCst) {
            std::thread::sleep(SYNC);
        }
        self.blocks.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.writable()?;
        self.blocks.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.condition.held.store(false, SeqCst);
        Ok(())
    }
}

fn request(key: &str, owner: u128) -> ClaimRequest<'_> {
    ClaimRequest::new(key, Owner(owner))
}

async fn own(store: &RedbStore, key: &str) -> Claim {
    match store.claim(request(key, 1)).await.expect("the store answers") {
        Claimed::Owned { claim, .. } => claim,
        other => panic!("{key} is not free: {other:?}"),
    }
}

async fn keys(store: &RedbStore, at_once: u64, each: u64, name: &str) {
    let callers = (0..at_once).map(|caller| {
        let (store, name) = (store.clone(), name.to_owned());
        tokio::spawn(async move {
            for n in 0..each {
                let key = format!("{name}-{caller}-{n}");
                let claim = own(&store, &key).await;
                store.complete(&key, claim, b"paid", DAY).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_callers_ten_times_the_keys_are_stored_in_the_time_of_one() {
    let disk = Disk::new();
    let store = disk.open();
    disk.condition.slow.store(true, SeqCst);
    let syncs = || disk.condition.syncs.load(SeqCst) as f64;

    let (begun, before) = (Instant::now(), syncs());
    keys(&store, 1, 20, "alone").await;
    let (alone, syncs_alone) = (begun.elapsed() / 20, (syncs() - before) / 20.0);
    let (begun, before) = (Instant::now(), syncs());
    keys(&store, 64, 10, "together").await;
    let (together, syncs_together) = (begun.elapsed() / 640, (syncs() - before) / 640.0);

    println!("a key: {alone:?} and {syncs_alone} syncs alone, {together:?} and {syncs_together}");
    // One for the claim and one for the answer.
    assert!(syncs_alone <= 2.1, "{syncs_alone}");
    assert!(together * 10 <= alone, "{alone:?} alone, {together:?} together");
}

#[tokio::test]
async fn an_answer_that_changes_nothing_costs_no_sync() {
    let disk = Disk::new();
    let store = disk.open();
    let claim = own(&store, "k").await;
    store.complete("k", claim, b"paid", DAY).await.unwrap();
    let before = disk.condition.syncs.load(SeqCst);
    for owner in 2..50 {
        let answer = store.claim(request("k", owner)).await.unwrap();
        assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
    }
    assert_eq!(disk.condition.syncs.load(SeqCst), before);
}

#[tokio::test]
async fn a_full_disk_is_full_loses_nothing_and_heals() {
    for condition in [
        |disk: &Disk| disk.condition.full.swap(true, SeqCst),
        |disk: &Disk| disk.condition.failing.swap(true, SeqCst),
    ] {
        let disk = Disk::new();
        let store = disk.open();
        let mut long = request("held", 1);
        long.lease = DAY;
        let Claimed::Owned { claim: held, .. } = store.claim(long).await.unwrap() else {
            panic!("it is free")
        };
        let claim = own(&store, "k").await;
        store.complete("k", claim, b"paid", DAY).await.unwrap();
        condition(&disk);
        let full = disk.condition.full.load(SeqCst);
        let expected = if full { StoreErrorKind::Full } else { StoreErrorKind::Unavailable };
        for n in 0..3 {
            let key = format!("new{n}");
            let error = store.claim(request(&key, 1)).await.expect_err("there is no room");
            assert_eq!(error.kind(), expected, "{error}");
        }
        disk.condition.full.store(false, SeqCst);
        disk.condition.failing.store(false, SeqCst);
        // The file was opened anew by the same process, so what is in flight still is.
        assert_eq!(store.peek("held").await.unwrap().unwrap().state, RecordState::InFlight);
        assert_eq!(store.complete("held", held, b"late", DAY).await.unwrap(), Written::Made);
        let answer = store.claim(request("k", 2)).await.unwrap();
        assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
        assert_eq!(own(&store, "new0").await.fence, 1);
    }
}

#[tokio::test]
async fn leases_run_on_the_monotonic_clock_and_the_calendar_counts_across_a_restart_alone() {
    let scope = testing::scope();
    let disk = Disk::new();
    let year = 365 * DAY;
    let store = disk.open_at(50 * year);
    let mut short = request("lease", 1);
    short.lease = Duration::from_secs(10);
    store.claim(short).await.unwrap();
    let claim = own(&store, "kept").await;
    store.complete("kept", claim, b"paid", DAY).await.unwrap();
    scope.advance(Duration::from_secs(9));
    assert_eq!(store.peek("lease").await.unwrap().unwrap().state, RecordState::InFlight);
    scope.advance(Duration::from_secs(1));
    assert_eq!(store.peek("lease").await.unwrap().unwrap().state, RecordState::Unknown);

    // The next process finds a calendar that was set back by an hour, then one that is a day ahead.
    let hour = Duration::from_secs(3600);
    let reopened = |store: RedbStore, calendar| {
        drop(store);
        disk.open_at(calendar)
    };
    let store = reopened(store, (50 * year).saturating_sub(hour));
    let record = store.peek("kept").await.unwrap().unwrap();
    assert_eq!(record.state, RecordState::Done);
    assert!(record.expires_in > DAY && record.expires_in <= DAY + hour, "{record:?}");
    let store = reopened(store, 50 * year + DAY);
    assert_eq!(store.peek("kept").await.unwrap(), None);
}

#[tokio::test]
async fn a_file_of_a_newer_library_is_left_alone() {
    let disk = Disk::new();
    drop(disk.open());
    let database = loop {
        match disk.database(&Builder::new()) {
            Err(DatabaseError::DatabaseAlreadyOpen) => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    let transaction = database.begin_write().unwrap();
    let meta = ::redb::TableDefinition::<&str, u64>::new("steadfast_meta");
    transaction.open_table(meta).unwrap().insert("layout", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let mut opening = RedbStore::opening(Path::new("memory"));
    opening.disk = Some(disk);
    let (say, said) = mpsc::channel();
    RedbStore::start(opening, move |opened| drop(say.send(opened))).unwrap();
    let error = said.recv().unwrap().expect_err("it is newer");
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
}
