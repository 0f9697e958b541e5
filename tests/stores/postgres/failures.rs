//! What the store does when the server is away, silent, full, or answers with a refusal.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::{Duration, Instant};

use steadfast::idempotency::{
    Claimed, IdempotencyStore as _, OnUnknown, PostgresStore, RecordState, Resolution,
    StoreErrorKind, Written,
};
use steadfast_servers::postgres::Postgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{DAY, client, complete, connected, own, request, store};

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_an_error_in_bounded_time_and_heals() {
    let mut server = Postgres::start();
    connected(&server.url()).await.migrate().await.unwrap();
    server.kill();
    let begun = Instant::now();
    let error = PostgresStore::connect(server.url().parse().unwrap()).await.expect_err("down");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    // A store that was made all the same works as soon as the server does.
    let store = PostgresStore::new(server.url().parse().unwrap());
    let error = store.claim(request("k", 1)).await.expect_err("still down");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.restart();
    assert_eq!(own(&store, "k", 1).await.fence, 1);
}

#[tokio::test]
async fn a_server_killed_between_claim_and_answer_keeps_the_claim() {
    let mut server = Postgres::start();
    let store = connected(&server.url()).await;
    store.migrate().await.unwrap();
    let claim = own(&store, "k", 1).await;
    server.kill();
    let begun = Instant::now();
    let error = store.complete("k", claim, b"paid", DAY).await.expect_err("there is no server");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    server.restart();
    // What was claimed was synced, so the answer finds its claim; another caller found it taken.
    assert!(matches!(
        store.claim(request("k", 2)).await.unwrap(),
        Claimed::InFlight { fence: 1, .. }
    ));
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
    server.restart();
    assert_eq!(
        store.claim(request("k", 2)).await.unwrap(),
        Claimed::Done { value: b"paid".to_vec() }
    );
}

#[tokio::test]
async fn a_server_that_is_stopped_costs_no_more_than_the_timeout() {
    let server = Postgres::start();
    let patience = Duration::from_millis(400);
    let store = connected(&server.url()).await.timeout(patience);
    store.migrate().await.unwrap();
    own(&store, "before", 1).await;
    server.stop();
    let begun = Instant::now();
    // One on the open connection, one behind it, one that has to connect first.
    let (one, two) = tokio::join!(store.claim(request("k", 1)), store.claim(request("k", 2)));
    let three = store.claim(request("k", 3)).await;
    let took = begun.elapsed();
    for answer in [&one, &two, &three] {
        let error = answer.as_ref().expect_err("nobody runs on a guess");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    }
    assert!(took < 4 * patience, "{took:?}");
    server.cont();
    // What was asked may have been done meanwhile, and one who asks again is told.
    let mut owned = 0;
    for owner in 1..=3 {
        match store.claim(request("k", owner)).await.expect("it answers again") {
            Claimed::Owned { claim, .. } => {
                assert_eq!(claim.fence, 1);
                owned += 1;
            }
            Claimed::InFlight { fence: 1, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(owned, 1);
}

#[tokio::test]
async fn a_connection_that_was_ended_while_idle_is_replaced_unseen() {
    let (store, url) = store("idle").await;
    let claim = own(&store, "k", 1).await;
    let admin = client(&url).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'steadfast' AND datname = 'idle'";
    let ended: i64 = admin.query_one(end, &[]).await.unwrap().get(0);
    assert!(ended > 0);
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
}

/// What of the server's is lost next: nothing, an answer, or the answer to a commit.
#[derive(Clone)]
pub(super) struct Lossy(Arc<AtomicU8>);

const NOTHING: u8 = 0;
const AN_ANSWER: u8 = 1;
const A_COMMIT: u8 = 2;

impl Lossy {
    /// The next answer is thrown away, and the connection reset.
    pub(super) fn lose_an_answer(&self) {
        self.0.store(AN_ANSWER, SeqCst);
    }

    /// The next answer to a commit.
    pub(super) fn lose_a_commit(&self) {
        self.0.store(A_COMMIT, SeqCst);
    }

    pub(super) fn has_lost(&self) -> bool {
        self.0.load(SeqCst) == NOTHING
    }

    /// Whether this answer is the one. The server has done its work by now.
    fn loses(&self, answer: &[u8]) -> bool {
        let is_it = match self.0.load(SeqCst) {
            AN_ANSWER => true,
            A_COMMIT => answer.windows(7).any(|word| word == b"COMMIT\0"),
            _ => false,
        };
        if is_it {
            self.0.store(NOTHING, SeqCst);
        }
        is_it
    }
}

/// A wire to the server that can lose an answer.
pub(super) async fn lossy_wire(server: &Postgres) -> (u16, Lossy) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let lossy = Lossy(Arc::default());
    let (target, lose) = (server.port(), lossy.clone());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            tokio::spawn(carry(near, far, lose.clone()));
        }
    });
    (port, lossy)
}

async fn carry(mut near: TcpStream, mut far: TcpStream, lose: Lossy) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = near.read(&mut asked) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => far.write_all(&asked[..count]).await.unwrap(),
            },
            read = far.read(&mut answered) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) if lose.loses(&answered[..count]) => {
                    near.set_zero_linger().unwrap();
                    return;
                }
                Ok(count) => near.write_all(&answered[..count]).await.unwrap(),
            },
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_to_a_reset_is_asked_for_again() {
    let (_store, url) = store("reset").await;
    let (port, lossy) = lossy_wire(super::server()).await;
    let wire = format!("postgres://postgres@127.0.0.1:{port}/reset");
    let store = connected(&wire).await;
    // Each statement is run once before its answer is lost, or what is lost is that it was prepared.
    let before = own(&store, "before", 1).await;

    lossy.lose_an_answer();
    let claim = own(&store, "k", 1).await;
    assert!(lossy.has_lost(), "the answer was lost");
    assert_eq!(claim.fence, 1, "the claim is the one that was made unseen");
    assert_eq!(complete(&store, "before", before, b"paid").await, Written::Made);
    lossy.lose_an_answer();
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
    assert!(lossy.has_lost(), "the answer was lost");

    let claim = own(&store, "unknown", 1).await;
    lossy.lose_an_answer();
    assert_eq!(store.mark_unknown("unknown", claim, "reset").await.unwrap(), Written::Made);
    // An operator's decision is not repeated behind his back.
    let lost = Written::Lost { fence: Some(1) };
    assert_eq!(store.resolve("unknown", 7, Resolution::NotDone).await.unwrap(), lost);
    lossy.lose_an_answer();
    let error = store.resolve("unknown", 1, Resolution::NotDone).await.expect_err("lost");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let record = store.peek("unknown").await.unwrap().unwrap();
    assert_eq!(record.state, RecordState::Released, "it was made, and peek shows it");
    let rows = client(&url).await.query("SELECT fence FROM steadfast_idempotency", &[]).await;
    assert!(rows.unwrap().iter().all(|row| row.get::<_, i64>(0) == 1));
}

#[tokio::test]
async fn a_read_only_server_is_unavailable_with_words() {
    let (before, url) = store("read_only").await;
    let claim = own(&before, "k", 1).await;
    complete(&before, "k", claim, b"paid").await;
    let alter = "ALTER DATABASE read_only SET default_transaction_read_only = on";
    client(&url).await.batch_execute(alter).await.unwrap();
    let store = connected(&url).await;
    let error = store.claim(request("other", 1)).await.expect_err("it takes no claims");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("standby"), "{error}");
    assert!(store.peek("k").await.unwrap().is_some(), "what is there can be read");
}

#[tokio::test]
async fn a_server_without_room_for_a_connection_is_unavailable() {
    let server = Postgres::start_with(&[
        ("max_connections", "3"),
        ("superuser_reserved_connections", "0"),
        ("max_wal_senders", "0"),
    ]);
    let held = [client(&server.url()).await, client(&server.url()).await];
    let store = connected(&server.url()).await;
    store.migrate().await.unwrap();
    let full = PostgresStore::connect(server.url().parse().unwrap()).await.expect_err("full");
    assert_eq!(full.kind(), StoreErrorKind::Unavailable);
    assert!(full.to_string().contains("53300"), "{full}");
    own(&store, "k", 1).await;
    drop(held);
}

#[tokio::test]
async fn a_database_or_role_that_is_not_there_is_refused() {
    let url = super::server().url();
    for wrong in [format!("{url}x"), url.replace("postgres@", "nobody_known@")] {
        let error = PostgresStore::connect(wrong.parse().unwrap()).await.expect_err(&wrong);
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    }
}

#[tokio::test]
async fn a_late_owner_writes_nothing_behind_a_newer_fence() {
    let (store, url) = store("late").await;
    let late = own(&store, "k", 1).await;
    let admin = client(&url).await;
    admin.batch_execute("UPDATE steadfast_idempotency SET lease_until = now()").await.unwrap();
    assert_eq!(store.claim(request("k", 2)).await.unwrap(), Claimed::Unknown { fence: 1 });
    let mut take = request("k", 2);
    take.on_unknown = OnUnknown::Take;
    let Claimed::Owned { claim, was_unknown: true } = store.claim(take).await.unwrap() else {
        panic!("an unknown record is taken over");
    };
    assert_eq!(claim.fence, 2);
    let lost = Written::Lost { fence: Some(2) };
    assert_eq!(complete(&store, "k", late, b"late").await, lost);
    assert_eq!(store.release("k", late, "late").await.unwrap(), lost);
    assert_eq!(store.mark_unknown("k", late, "late").await.unwrap(), lost);
    assert_eq!(store.renew("k", late, DAY).await.unwrap(), lost);
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
}

#[tokio::test]
async fn conflicts_of_a_stricter_isolation_are_repeated() {
    let (_store, url) = store("stricter").await;
    let mut stores = Vec::new();
    for _ in 0..2 {
        let users = client(&url).await;
        let strict = "SET default_transaction_isolation = 'serializable'";
        users.batch_execute(strict).await.unwrap();
        stores.push(Arc::new(PostgresStore::on(users)));
    }
    for round in 0..40 {
        let key = format!("k{round}");
        let run = |owner: u128| {
            let (store, key) = (Arc::clone(&stores[owner as usize]), key.clone());
            async move {
                match store.claim(request(&key, owner)).await.expect("it is decided") {
                    Claimed::Owned { claim, .. } => {
                        assert_eq!(complete(&store, &key, claim, b"paid").await, Written::Made);
                        1
                    }
                    Claimed::InFlight { .. } | Claimed::Done { .. } => 0,
                    other => panic!("{other:?}"),
                }
            }
        };
        let (one, two) = tokio::join!(tokio::spawn(run(0)), tokio::spawn(run(1)));
        assert_eq!(one.unwrap() + two.unwrap(), 1);
    }
}

#[test]
fn outside_of_a_runtime_there_are_words_instead_of_a_panic() {
    let store = PostgresStore::new("postgres://nobody@127.0.0.1:1/none".parse().unwrap());
    let mut answer = store.peek("k");
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert!(error.to_string().contains("tokio")),
        other => panic!("{other:?}"),
    }
}

/// Runs itself: the second time as the process that is killed.
#[test]
fn a_server_ends_with_the_process_of_the_tests() {
    const ROLE: &str = "STEADFAST_TEST_HOLDS_A_SERVER";
    if std::env::var_os(ROLE).is_some() {
        let server = Postgres::start();
        println!("\nserver {} {}", server.pid(), server.socket_dir().display());
        loop {
            std::thread::park();
        }
    }
    let name = "postgres::failures::a_server_ends_with_the_process_of_the_tests";
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ROLE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.starts_with("server "));
    let line = line.expect("it says its server");
    let mut words = line.split(' ').skip(1);
    let (pid, dir) = (words.next().unwrap(), words.next().unwrap());
    assert!(Path::new(dir).exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let begun = Instant::now();
    while Path::new("/proc").join(pid).exists() || Path::new(dir).exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "server {pid} or {dir} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}
