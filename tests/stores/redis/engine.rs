//! Idempotent calls on a server that fails, and by processes that do.

use std::future::{Future, pending};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use steadfast::__private::Spec;
use steadfast::idempotency::{
    IdempotencyError, IdempotencyStore, RecordState, RedisStore, Resolution, Written,
};
use steadfast_servers::redis::Redis;

use super::open;
use crate::engine::{Failure, call, call_blocking};

const KEY: &str = "order_{7}";

static PAY: Spec =
    Spec::new("order_{id}", "tests::pay").lease(Duration::from_secs(2)).wait(Duration::ZERO);
static BRIEF: Spec =
    Spec::new("order_{id}", "tests::brief").lease(Duration::from_millis(300)).wait(Duration::ZERO);
static PATIENT: Spec = Spec::new("order_{id}", "tests::patient").wait(Duration::from_secs(20));
static UNGUARDED: Spec = Spec::new("order_{id}", "tests::unguarded").run_when_store_down();
static RERUN: Spec = Spec::new("order_{id}", "tests::rerun").rerun_unknown();

#[track_caller]
fn refused(answer: Result<u64, Failure>) -> IdempotencyError {
    match answer {
        Err(Failure::Idempotency(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

/// A body that must not run.
fn never() -> impl Future<Output = Result<u64, ErrorKind>> {
    std::future::poll_fn(|_| panic!("the body ran"))
}

/// Waits until the record is in a state.
async fn until(store: &RedisStore, state: RecordState) {
    let begun = Instant::now();
    loop {
        let found = store.peek(KEY).await.ok().flatten().map(|record| record.state);
        if found == Some(state) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it stays {found:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_store_that_is_down_before_the_claim_runs_nothing() {
    let mut server = Redis::start();
    server.kill();
    let store = open(&server);
    let begun = Instant::now();
    let error = refused(call(&PAY, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::StoreUnavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // Unless it was said to.
    assert!(matches!(call(&UNGUARDED, &store, "7", async { Ok(7) }).await, Ok(7)));
}

#[tokio::test]
async fn a_store_that_is_stopped_before_the_claim_runs_nothing() {
    let server = Redis::start();
    let store = open(&server);
    server.stop();
    let begun = Instant::now();
    let error = refused(call(&PAY, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::StoreUnavailable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    server.cont();
    // Whatever became of that claim, its caller gave it up before anything ran.
    let begun = Instant::now();
    while !matches!(call(&PAY, &store, "7", async { Ok(7) }).await, Ok(7)) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the key stays taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_answer_is_given_and_stored_later_when_the_store_dies_meanwhile() {
    let mut server = Redis::durable();
    let store = open(&server);
    let answer = call(&PAY, &store, "7", async {
        server.kill();
        Ok(7)
    });
    assert!(matches!(answer.await, Ok(7)));
    server.restart();
    until(&store, RecordState::Done).await;
    assert!(matches!(call(&PAY, &store, "7", never()).await, Ok(7)));
}

#[tokio::test]
async fn an_answer_is_stored_even_when_its_lease_ended_while_the_store_was_away() {
    let mut server = Redis::durable();
    let store = open(&server);
    let answer = call(&BRIEF, &store, "7", async {
        server.kill();
        Ok(7)
    });
    assert!(matches!(answer.await, Ok(7)));
    tokio::time::sleep(Duration::from_millis(350)).await;
    server.restart();
    until(&store, RecordState::Done).await;
    assert!(matches!(call(&BRIEF, &store, "7", never()).await, Ok(7)));
}

#[tokio::test]
async fn an_answer_is_given_in_bounded_time_when_the_store_stops_meanwhile() {
    let server = Redis::start();
    let store = open(&server);
    let begun = Instant::now();
    let answer = call(&PAY, &store, "7", async {
        server.stop();
        Ok(7)
    });
    assert!(matches!(answer.await, Ok(7)));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    server.cont();
    until(&store, RecordState::Done).await;
    assert!(matches!(call(&PAY, &store, "7", never()).await, Ok(7)));
}

#[tokio::test]
async fn a_store_that_lost_its_records_is_not_given_an_answer() {
    let mut server = Redis::start();
    let store = open(&server);
    let answer = call(&PAY, &store, "7", async {
        server.kill();
        server.restart();
        Ok(7)
    });
    // Nothing says that nobody ran it meanwhile.
    let error = refused(answer.await);
    assert!(matches!(error, IdempotencyError::LeaseLost { fence: 1, current: None }), "{error:?}");
    assert_eq!(store.peek(KEY).await.unwrap(), None);
}

#[tokio::test]
async fn a_claim_is_renewed_for_as_long_as_the_body_runs() {
    let server = Redis::start();
    let store = open(&server);
    let answer = Box::pin(call(&BRIEF, &store, "7", async {
        let other = open(&server);
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let error = refused(call(&BRIEF, &other, "7", never()).await);
            assert!(matches!(error, IdempotencyError::InProgress), "{error:?}");
        }
        Ok(7)
    }));
    assert!(matches!(answer.await, Ok(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_of_eight_stores_run_it_once() {
    let server = Redis::start();
    let runs = Arc::new(AtomicU32::new(0));
    // As eight processes would: what does not share an identity does not join.
    let stores: Vec<_> = (0..8).map(|_| open(&server)).collect();
    let callers: Vec<_> = (0..64)
        .map(|number| {
            let (store, runs) = (stores[number % 8].clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                call(&PATIENT, &store, "7", async {
                    runs.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(number as u64)
                })
                .await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap().unwrap());
    }
    assert_eq!(runs.load(Relaxed), 1);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn an_ambiguous_failure_leaves_unknown_and_an_unsent_one_may_be_tried_again() {
    let server = Redis::start();
    let store = open(&server);
    let unsent = call(&PAY, &store, "7", async { Err(ErrorKind::ConnectionRefused) }).await;
    assert!(matches!(unsent, Err(Failure::Own(ErrorKind::ConnectionRefused))), "{unsent:?}");
    until(&store, RecordState::Released).await;
    let ambiguous = call(&PAY, &store, "7", async { Err(ErrorKind::ConnectionReset) }).await;
    assert!(matches!(ambiguous, Err(Failure::Own(ErrorKind::ConnectionReset))), "{ambiguous:?}");
    until(&store, RecordState::Unknown).await;
    let error = refused(call(&PAY, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::Unknown { fence: 2 }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_not_run() {
    let server = Redis::start();
    let store = open(&server);
    let stored = format!("steadfast:{KEY}");
    assert!(matches!(call(&PAY, &store, "7", async { Ok(7) }).await, Ok(7)));

    server.command(&["HSET", &stored, "b", "{"]).unwrap();
    let error = refused(call(&PAY, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::Corrupt(_)), "{error:?}");
    server.command(&["HSET", &stored, "s", "?"]).unwrap();
    let error = refused(call(&RERUN, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::Corrupt(_)), "{error:?}");
    server.command(&["HSET", &stored, "v", "2"]).unwrap();
    let error = refused(call(&RERUN, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::Incompatible(_)), "{error:?}");
    server.command(&["SET", &stored, "text"]).unwrap();
    let error = refused(call(&RERUN, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::StoreUnavailable(_)), "{error:?}");
    assert_eq!(server.command(&["GET", &stored]).unwrap(), "text");
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_claims_gives_the_key_back() {
    let server = Redis::start();
    let store = open(&server);
    // Connected, so that the claim is on its way when the caller leaves.
    assert_eq!(store.peek(KEY).await.unwrap(), None);
    server.stop();
    let left = tokio::time::timeout(Duration::from_millis(30), call(&PAY, &store, "7", never()));
    assert!(left.await.is_err(), "a stopped server answers");
    server.cont();
    let begun = Instant::now();
    loop {
        match call(&PAY, &store, "7", async { Ok(7) }).await {
            Ok(7) => break,
            Err(Failure::Idempotency(IdempotencyError::InProgress)) => {}
            other => panic!("{other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the key stays taken");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A synchronous call blocks the one thread of the runtime that it is made in.
#[tokio::test]
async fn a_synchronous_call_inside_a_runtime_of_one_thread_waits_for_nobody_in_it() {
    let server = Redis::start();
    let store = open(&server);
    // The connection of this runtime cannot move while its thread is blocked below.
    assert_eq!(store.peek(KEY).await.unwrap(), None);
    let begun = Instant::now();
    assert!(matches!(call_blocking(&PAY, &store, "7", || Ok(7)), Ok(7)));
    assert!(matches!(call_blocking(&PAY, &store, "7", || panic!("the body ran")), Ok(7)));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(matches!(call(&PAY, &store, "7", never()).await, Ok(7)));
}

/// Says where the server of a process is that a test has started.
const CHILD: &str = "STEADFAST_TEST_REDIS";

/// This test once more, in a process of its own.
fn process(test: &str, server: &Redis) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("redis::engine::{test}"), "--nocapture"])
        .env(CHILD, server.url())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn heard(stdout: &mut BufReader<ChildStdout>, word: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the process ended without `{word}`");
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
    }
}

#[tokio::test]
async fn a_call_whose_process_is_killed_is_unknown_and_never_silently_run_again() {
    if let Some(url) = std::env::var_os(CHILD) {
        let store = RedisStore::open(url.to_str().unwrap()).unwrap();
        let _ = call(&BRIEF, &store, "7", async {
            println!("the body runs");
            pending().await
        })
        .await;
        return;
    }
    let server = Redis::start();
    let store = open(&server);
    let name = "a_call_whose_process_is_killed_is_unknown_and_never_silently_run_again";
    let (mut child, mut stdout) = process(name, &server);
    heard(&mut stdout, "the body runs");
    let error = refused(call(&BRIEF, &store, "7", never()).await);
    assert!(matches!(error, IdempotencyError::InProgress), "{error:?}");
    child.kill().unwrap();
    child.wait().unwrap();

    until(&store, RecordState::Unknown).await;
    for _ in 0..2 {
        let error = refused(call(&BRIEF, &store, "7", never()).await);
        assert!(matches!(error, IdempotencyError::Unknown { fence: 1 }), "{error:?}");
    }
    // An operator finds out that it was not done.
    let unknown = store.unknowns(None, 10).await.unwrap();
    assert_eq!(unknown.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), [KEY]);
    let resolved = store.resolve(KEY, unknown[0].fence, Resolution::NotDone).await.unwrap();
    assert_eq!(resolved, Written::Made);
    assert!(matches!(call(&BRIEF, &store, "7", async { Ok(8) }).await, Ok(8)));
}

#[tokio::test]
async fn the_answer_of_a_process_that_hung_beyond_its_lease_is_rejected() {
    if let Some(url) = std::env::var_os(CHILD) {
        let store = RedisStore::open(url.to_str().unwrap()).unwrap();
        let answer = call(&BRIEF, &store, "7", async {
            println!("the body runs");
            // A synchronous part: nothing can cut it off or renew the claim meanwhile.
            std::thread::sleep(Duration::from_millis(1500));
            Ok(1)
        });
        println!("the answer is {:?}", answer.await);
        return;
    }
    let server = Redis::start();
    let store = open(&server);
    let name = "the_answer_of_a_process_that_hung_beyond_its_lease_is_rejected";
    let (mut child, mut stdout) = process(name, &server);
    heard(&mut stdout, "the body runs");
    let signal = |name: &str| {
        let kill = format!("kill -{name} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    };
    signal("STOP");
    until(&store, RecordState::Unknown).await;
    assert!(matches!(call(&RERUN, &store, "7", async { Ok(2) }).await, Ok(2)));
    signal("CONT");
    let answer = heard(&mut stdout, "the answer is ");
    assert!(answer.contains("LeaseLost { fence: 1, current: Some(2) }"), "{answer}");
    child.wait().unwrap();
    assert!(matches!(call(&RERUN, &store, "7", never()).await, Ok(2)));
}
