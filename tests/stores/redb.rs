//! The store in one file: who may have it, what a crash leaves, what a broken file says, and what
//! sharing a sync is worth.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use steadfast::__private::{Ended, Key, Replay, Spec, run};
use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyError, IdempotencyStore as _, OnUnknown, Owner,
    RecordState, RedbStore, Resolution, StoreErrorKind, Written, conformance,
};

use crate::history::{self, Plan};

const DAY: Duration = Duration::from_secs(86_400);

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("steadfast-redb-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("the folder is new");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("answers.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn request(key: &str, owner: u128) -> ClaimRequest<'_> {
    ClaimRequest::new(key, Owner(owner))
}

async fn opened(path: &Path) -> RedbStore {
    RedbStore::open(path).await.expect("it opens")
}

async fn own(store: &RedbStore, key: &str, owner: u128) -> Claim {
    match store.claim(request(key, owner)).await.expect("the store answers") {
        Claimed::Owned { claim, .. } => claim,
        other => panic!("{key} is not free: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_belongs_to_one_store_and_says_so() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    let error = RedbStore::open(folder.file()).await.expect_err("it is open");
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let words = error.to_string();
    for expected in ["has the file open", "cloning", "`RedisStore`", "answers.redb"] {
        assert!(words.contains(expected), "{words}");
    }
    let clone = store.clone();
    drop(store);
    RedbStore::open(folder.file()).await.expect_err("a clone still has it");
    assert_eq!(own(&clone, "k", 1).await.fence, 1);
    assert_eq!(clone.audit().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_was_dropped_can_be_opened_again_at_once() {
    let folder = Folder::new();
    for owner in 1..20_u64 {
        let store = opened(&folder.file()).await;
        let mut take = request("k", u128::from(owner));
        take.on_unknown = OnUnknown::Take;
        let Claimed::Owned { claim, .. } = store.claim(take).await.unwrap() else {
            panic!("taken")
        };
        assert_eq!(claim.fence, owner, "the fence survives");
    }
}

#[tokio::test]
async fn what_was_asked_for_before_the_drop_is_done() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    let claim = own(&store, "k", 1).await;
    store.abandon("k", claim);
    drop(store);
    let record = opened(&folder.file()).await.peek("k").await.unwrap().unwrap();
    assert_eq!(record.state, RecordState::Unknown);
    assert!(record.note.unwrap().contains("dropped"));
}

#[tokio::test]
async fn what_was_in_flight_when_the_store_was_closed_is_unknown_when_it_opens() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    let mut long = request("k", 1);
    long.lease = DAY;
    let Claimed::Owned { claim, .. } = store.claim(long).await.unwrap() else { panic!("free") };
    drop(store);
    let store = opened(&folder.file()).await;
    assert_eq!(store.claim(request("k", 2)).await.unwrap(), Claimed::Unknown { fence: 1 });
    let lost = Written::Lost { fence: Some(1) };
    assert_eq!(store.complete("k", claim, b"late", DAY).await.unwrap(), lost);
    assert_eq!(store.renew("k", claim, DAY).await.unwrap(), lost);
    let unknowns = store.unknowns(None, 10).await.unwrap();
    assert_eq!(unknowns.len(), 1);
    assert!(unknowns[0].note.as_ref().unwrap().contains("process"));
    assert_eq!(
        store.resolve("k", 1, Resolution::Done(b"paid".to_vec())).await.unwrap(),
        Written::Made
    );
    assert_eq!(
        store.claim(request("k", 2)).await.unwrap(),
        Claimed::Done { value: b"paid".to_vec() }
    );
}

/// Runs itself: the second time as the process that is killed with a claim in flight.
#[test]
fn a_process_killed_with_a_claim_in_flight_leaves_it_unknown_and_answers_kept() {
    const ROLE: &str = "STEADFAST_TEST_REDB_FILE";
    if let Some(path) = std::env::var_os(ROLE) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = opened(Path::new(&path)).await;
            let claim = own(&store, "answered", 1).await;
            store.complete("answered", claim, b"paid", DAY).await.unwrap();
            let mut long = request("in flight", 2);
            long.lease = DAY;
            store.claim(long).await.unwrap();
            println!("\nclaimed");
            // Writes are under way when the end comes.
            for owner in 3.. {
                let claim = own(&store, "again and again", owner).await;
                store.release("again and again", claim, "").await.unwrap();
                let mut many = request("again and again", owner);
                many.max_claims = u32::MAX;
                let Claimed::Owned { claim, .. } = store.claim(many).await.unwrap() else {
                    panic!()
                };
                store.complete("again and again", claim, b"", Duration::ZERO).await.unwrap();
            }
        });
    }
    let folder = Folder::new();
    let name = "redb::a_process_killed_with_a_claim_in_flight_leaves_it_unknown_and_answers_kept";
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ROLE, folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "claimed"), "the process has claimed");
    let error = RedbStore::open_blocking(folder.file()).expect_err("it lives");
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    assert!(error.to_string().contains("another process"), "{error}");
    process.kill().unwrap();
    process.wait().unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // The lock is gone with the process: nothing waits for the lease of a day.
        let store = opened(&folder.file()).await;
        assert_eq!(
            store.claim(request("in flight", 7)).await.unwrap(),
            Claimed::Unknown { fence: 1 }
        );
        assert_eq!(
            store.claim(request("answered", 7)).await.unwrap(),
            Claimed::Done { value: b"paid".to_vec() }
        );
    });
}

#[tokio::test]
async fn a_record_is_forgotten_by_the_calendar_across_a_restart() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    for (key, ttl) in [("short", Duration::from_millis(1)), ("long", DAY)] {
        let claim = own(&store, key, 1).await;
        store.complete(key, claim, b"paid", ttl).await.unwrap();
    }
    drop(store);
    // The calendar cannot be set by a test; a restart takes longer than the short time to live.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2) {
        std::hint::spin_loop();
    }
    let store = opened(&folder.file()).await;
    assert_eq!(store.peek("short").await.unwrap(), None);
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert!(matches!(store.claim(request("long", 2)).await.unwrap(), Claimed::Done { .. }));
}

#[tokio::test]
async fn a_file_that_is_no_database_or_a_cut_one_is_an_error_and_stays_as_it_is() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    for n in 0..200 {
        let key = format!("k{n}");
        let claim = own(&store, &key, 1).await;
        store.complete(&key, claim, &[7; 2000], DAY).await.unwrap();
    }
    drop(store);
    // Waits for the file to be closed.
    drop(opened(&folder.file()).await);
    drop(opened(&folder.file()).await);
    let whole = loop {
        let file = File::open(folder.file()).unwrap();
        if file.try_lock().is_ok() {
            break fs::read(folder.file()).unwrap();
        }
        std::thread::yield_now();
    };

    let broken = folder.0.join("broken.redb");
    let cuts = [1, 100, 4096, 5000, whole.len() / 2, whole.len() - 4096];
    let texts = [b"this is a text and no database".to_vec(), vec![0; 10_000], vec![255; 10_000]];
    for bytes in cuts.iter().map(|end| whole[..*end].to_vec()).chain(texts) {
        fs::write(&broken, &bytes).unwrap();
        match RedbStore::open(&broken).await {
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}"),
            Ok(store) => {
                // What was cut off is missed when it is read, never taken for a free key.
                for n in 0..200 {
                    match store.claim(request(&format!("k{n}"), 2)).await {
                        Ok(Claimed::Done { value }) => assert_eq!(value, [7; 2000]),
                        Ok(other) => panic!("{} bytes: {other:?}", bytes.len()),
                        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}"),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_bit_that_changed_on_the_disk_is_corrupt_and_not_another_answer() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    let claim = own(&store, "k", 1).await;
    store.complete("k", claim, b"amount: 1000", DAY).await.unwrap();
    let claim = own(&store, "other", 1).await;
    store.complete("other", claim, b"untouched", DAY).await.unwrap();
    drop(store);
    drop(opened(&folder.file()).await);
    let file = loop {
        let file = File::open(folder.file()).unwrap();
        if file.try_lock().is_ok() {
            break file;
        }
        std::thread::yield_now();
    };
    drop(file);
    let mut bytes = fs::read(folder.file()).unwrap();
    let amount = b"amount: 1000";
    let mut found = 0;
    for at in 0..bytes.len() - amount.len() {
        if &bytes[at..at + amount.len()] == amount {
            bytes[at + 8] = b'9';
            found += 1;
        }
    }
    assert!(found > 0);
    fs::write(folder.file(), &bytes).unwrap();

    let store = opened(&folder.file()).await;
    for error in [
        store.claim(request("k", 2)).await.expect_err("it was changed"),
        store.peek("k").await.expect_err("it was changed"),
        store.resolve("k", 1, Resolution::NotDone).await.expect_err("it was changed"),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    }
    assert_eq!(
        store.claim(request("other", 2)).await.unwrap(),
        Claimed::Done { value: b"untouched".to_vec() }
    );
}

#[tokio::test]
async fn a_place_where_no_file_can_be_is_refused() {
    let folder = Folder::new();
    for path in [folder.0.clone(), folder.0.join("missing").join("answers.redb")] {
        let error = RedbStore::open(&path).await.expect_err("no file");
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn stored_answers_are_readable_by_their_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let _store = opened(&folder.file()).await;
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    for key in ["", "a\0b", "schlüssel", "two\nlines", &"k".repeat(1 << 20)] {
        let error = store.claim(request(key, 1)).await.expect_err("it is no key");
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
    let keys = ["{a}:b", "{a:}b", "%", "\\", "$1", " ", "~"];
    for (owner, key) in keys.into_iter().enumerate() {
        let claim = own(&store, key, owner as u128).await;
        store.complete(key, claim, key.as_bytes(), DAY).await.unwrap();
    }
    for key in keys {
        let record = store.peek(key).await.unwrap().expect("it is there");
        assert_eq!(record.value.as_deref(), Some(key.as_bytes()));
    }
}

#[tokio::test]
async fn expired_records_are_swept_in_steps_and_unreadable_ones_are_not() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    let mut claims = Vec::new();
    for n in 0..600_u128 {
        let store = store.clone();
        claims.push(tokio::spawn(async move {
            let key = format!("k{n}");
            let claim = own(&store, &key, n).await;
            let ttl = if n % 100 == 0 { DAY } else { Duration::ZERO };
            store.complete(&key, claim, b"paid", ttl).await.unwrap();
        }));
    }
    for claim in claims {
        claim.await.unwrap();
    }
    assert_eq!(store.sweep().await.unwrap(), 594);
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert!(store.peek("k100").await.unwrap().is_some());
}

async fn keys_per_second(store: &RedbStore, at_once: u32, each: u32, name: &str) -> f64 {
    let begun = Instant::now();
    let callers = (0..at_once).map(|caller| {
        let (store, name) = (store.clone(), name.to_owned());
        tokio::spawn(async move {
            for n in 0..each {
                let key = format!("{name}-{caller}-{n}");
                let claim = own(&store, &key, 1).await;
                store.complete(&key, claim, b"paid", DAY).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    f64::from(at_once * each) / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_at_the_same_time_share_their_syncs() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    // The best of three: what else the machine does only makes it slower.
    let (mut alone, mut together) = (0.0_f64, 0.0_f64);
    for round in 0..3 {
        alone = alone.max(keys_per_second(&store, 1, 40, &format!("alone{round}")).await);
        together = together.max(keys_per_second(&store, 64, 20, &format!("many{round}")).await);
    }
    println!("keys per second: {alone:.0} alone, {together:.0} of 64: {:.1} x", together / alone);
    // What it is worth depends on what a sync costs here. A test of the store itself has a disk whose
    // syncs take their time, and asks for ten times.
    assert!(together >= 2.0 * alone, "{alone:.0} alone, {together:.0} together");
}

#[tokio::test]
async fn the_store_keeps_the_laws() {
    let folder = Folder::new();
    let store = opened(&folder.file()).await;
    conformance::check(&store, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_are_explained_by_an_order() {
    for seed in 1..=3 {
        let folder = Folder::new();
        let store = Arc::new(opened(&folder.file()).await);
        let plan = Plan { seed, operations: 3_000, ..Plan::default() };
        let history = history::record(store, plan).await;
        history.check().unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        history.assert_is_worth_checking();
    }
}

/// Runs itself: the second time as the owner that is killed.
#[tokio::test]
async fn a_call_whose_owner_was_killed_is_unknown_at_once() {
    static PAY: Spec = Spec::new("order_{order}", "shop::pay").lease(DAY);
    const ROLE: &str = "STEADFAST_TEST_OWNS_A_KEY_IN";

    async fn call(
        store: &RedbStore,
        body: impl Future<Output = Result<u64, IdempotencyError>>,
    ) -> Result<u64, IdempotencyError> {
        let key = Key::new().literal("order_").part(&1);
        let body = async { Ended::new(body.await, None) };
        run(&PAY, store, key, None, Replay::values(), body).await?
    }

    if let Some(path) = std::env::var_os(ROLE) {
        let store = opened(Path::new(&path)).await;
        let body = async {
            println!("\nrunning");
            std::future::pending().await
        };
        call(&store, body).await.expect("it is killed");
    }
    let folder = Folder::new();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["redb::a_call_whose_owner_was_killed_is_unknown_at_once", "--exact", "--nocapture"])
        .env(ROLE, folder.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "running"), "it has begun");
    owner.kill().unwrap();
    owner.wait().unwrap();
    let store = opened(&folder.file()).await;
    let unknown = call(&store, async { panic!("it ran again") }).await.expect_err("nobody knows");
    assert!(matches!(unknown, IdempotencyError::Unknown { fence: 1 }), "{unknown}");
    let key = store.unknowns(None, 10).await.unwrap().remove(0).key;
    store.resolve(&key, 1, Resolution::NotDone).await.unwrap();
    assert_eq!(call(&store, async { Ok(5) }).await.unwrap(), 5);
    assert_eq!(call(&store, async { panic!("it ran again") }).await.unwrap(), 5);
}
