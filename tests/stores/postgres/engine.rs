//! Whole idempotent calls on the server: what their callers get when it fails, and answers that are
//! committed with their effects.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use steadfast::__private::{Ended, Key, Replay, Spec, run};
use steadfast::Classify as _;
use steadfast::idempotency::{CommitError, IdempotencyError, PostgresStore};
use steadfast_servers::postgres::Postgres;
use tokio_postgres::Client;

use super::failures::lossy_wire;
use super::{client, connected, store};

static PAY: Spec = Spec::new("order_{order}", "shop::pay");
/// Its lease is over soon; the body is renewed three times in it.
static BRIEF: Spec = Spec::new("order_{order}", "shop::pay").lease(Duration::from_millis(300));

/// What the attribute makes of a call.
async fn call(
    spec: &'static Spec,
    store: &PostgresStore,
    order: u64,
    body: impl Future<Output = Result<u64, CommitError>>,
) -> Result<Result<u64, CommitError>, IdempotencyError> {
    let body = async {
        let outcome = body.await;
        let class = outcome.as_ref().err().map(CommitError::classify);
        Ended::new(outcome, class)
    };
    let key = Key::new().literal("order_").part(&order);
    // On the heap: a test holds several of them.
    Box::pin(run(spec, store, key, None, Replay::values(), body)).await
}

#[expect(clippy::unused_async, reason = "it stands where a body does")]
async fn never() -> Result<u64, CommitError> {
    panic!("the body ran a second time")
}

async fn shop(url: &str) -> Client {
    let client = client(url).await;
    client.batch_execute("CREATE TABLE effect (receipt bigint)").await.unwrap();
    client
}

async fn effects(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM effect", &[]).await.unwrap().get(0)
}

async fn pay(client: &mut Client, store: &PostgresStore, receipt: u64) -> Result<u64, CommitError> {
    let transaction = client.transaction().await?;
    let row = i64::try_from(receipt).expect("small");
    transaction.execute("INSERT INTO effect VALUES ($1)", &[&row]).await?;
    store.commit(transaction, receipt).await
}

#[tokio::test]
async fn effect_and_answer_are_one_commit_and_the_answer_is_replayed() {
    let (store, url) = store("engine_commit").await;
    let mut users = shop(&url).await;
    let first = call(&PAY, &store, 1, pay(&mut users, &store, 70)).await.unwrap();
    assert_eq!(first.unwrap(), 70);
    assert_eq!(call(&PAY, &store, 1, never()).await.unwrap().unwrap(), 70);
    assert_eq!(effects(&users).await, 1);
}

#[tokio::test]
async fn a_body_that_fails_leaves_neither_effect_nor_answer() {
    let (store, url) = store("engine_fails").await;
    let mut users = shop(&url).await;
    let failed = call(&PAY, &store, 1, async {
        let transaction = users.transaction().await?;
        transaction.execute("INSERT INTO effect VALUES (1)", &[]).await?;
        transaction.execute("INSERT INTO missing VALUES (1)", &[]).await?;
        store.commit(transaction, 1).await
    });
    assert!(matches!(failed.await.unwrap(), Err(CommitError::Postgres(_))));
    assert_eq!(effects(&users).await, 0);
    assert_eq!(call(&PAY, &store, 1, pay(&mut users, &store, 71)).await.unwrap().unwrap(), 71);
}

#[tokio::test]
async fn a_body_that_goes_on_after_its_commit_keeps_its_claim() {
    let (store, url) = store("engine_goes_on").await;
    let mut users = shop(&url).await;
    let paid = call(&BRIEF, &store, 1, async {
        let receipt = pay(&mut users, &store, 72).await?;
        // Longer than the lease: it is renewed, or would be, meanwhile.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(receipt)
    });
    assert_eq!(paid.await.expect("nothing was lost").unwrap(), 72);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_not_made_again() {
    let (store, url) = store("engine_lost_commit").await;
    let users = shop(&url).await;
    let (port, lossy) = lossy_wire(super::server()).await;
    let wire = format!("postgres://postgres@127.0.0.1:{port}/engine_lost_commit");
    let mut runs = 0;
    let paid = call(&PAY, &store, 1, async {
        let (mut receipt, mut failures) = (73, Vec::new());
        loop {
            runs += 1;
            let mut client = client(&wire).await;
            let transaction = client.transaction().await?;
            transaction.execute("INSERT INTO effect VALUES (1)", &[]).await?;
            if runs == 1 {
                lossy.lose_a_commit();
            }
            match store.commit(transaction, receipt).await {
                Ok(receipt) => {
                    assert_eq!(failures, [true], "the commit was not heard of, and may be retried");
                    return Ok(receipt);
                }
                Err(error) => failures.push(error.classify().is_retryable()),
            }
            receipt += 1;
        }
    });
    assert_eq!(paid.await.unwrap().unwrap(), 73, "it is the first one's answer");
    assert!(lossy.has_lost());
    assert_eq!(runs, 2);
    assert_eq!(effects(&users).await, 1);
}

#[tokio::test]
async fn a_commit_outside_of_a_call_commits_nothing() {
    let (store, url) = store("engine_outside").await;
    let mut users = shop(&url).await;
    let error = pay(&mut users, &store, 74).await.expect_err("there is no claim");
    assert!(matches!(error, CommitError::OutsideOfACall), "{error}");
    // Nor in a call whose claim is in another store.
    let (other, _url) = super::store("engine_outside_other").await;
    let error = call(&PAY, &other, 1, pay(&mut users, &store, 75)).await.unwrap();
    assert!(matches!(error, Err(CommitError::OutsideOfACall)));
    assert_eq!(effects(&users).await, 0);
}

#[tokio::test]
async fn a_claim_that_was_taken_over_commits_nothing() {
    let (store, url) = store("engine_taken").await;
    let (mut users, admin) = (shop(&url).await, client(&url).await);
    let error = call(&PAY, &store, 1, async {
        let taken =
            "UPDATE steadfast_idempotency SET fence = 2, owner = decode(repeat('07', 16), 'hex')";
        admin.batch_execute(taken).await?;
        pay(&mut users, &store, 76).await
    });
    let error = error.await.unwrap().expect_err("somebody else owns it");
    assert!(matches!(error, CommitError::Lost { fence: 1, current: Some(2) }), "{error}");
    assert_eq!(effects(&users).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_run_and_record_costs_the_caller_nothing() {
    let mut server = Postgres::start();
    let store = connected(&server.url()).await.timeout(Duration::from_millis(500));
    store.migrate().await.unwrap();
    let url = server.url();
    let paid = call(&PAY, &store, 1, async {
        server.kill();
        Ok(77)
    })
    .await;
    assert_eq!(paid.expect("the caller gets its value").unwrap(), 77);
    server.restart();
    // Stored behind the fence as soon as the server answers.
    let begun = Instant::now();
    let another = connected(&url).await;
    let admin = client(&url).await;
    let stored = "SELECT count(*) FROM steadfast_idempotency WHERE state = 'done'";
    while admin.query_one(stored, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is never stored");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(call(&PAY, &another, 1, never()).await.unwrap().unwrap(), 77);
}

#[tokio::test]
async fn a_server_that_is_down_or_stopped_runs_nothing_on_a_guess() {
    let mut server = Postgres::start();
    let store = connected(&server.url()).await.timeout(Duration::from_millis(300));
    store.migrate().await.unwrap();
    server.stop();
    let begun = Instant::now();
    let stopped = call(&PAY, &store, 1, never()).await.expect_err("it does not answer");
    assert!(matches!(stopped, IdempotencyError::StoreUnavailable(_)), "{stopped}");
    server.cont();
    server.kill();
    let down = call(&PAY, &store, 1, never()).await.expect_err("it is away");
    assert!(matches!(down, IdempotencyError::StoreUnavailable(_)), "{down}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Runs itself: the second time as the owner that is killed.
#[tokio::test]
async fn an_owner_that_is_killed_leaves_unknown_when_its_lease_ends() {
    const ROLE: &str = "STEADFAST_TEST_OWNS_A_KEY_AT";
    static HASTY: Spec =
        Spec::new("order_{order}", "shop::pay").lease(Duration::from_secs(1)).wait(Duration::ZERO);

    if let Ok(url) = std::env::var(ROLE) {
        let store = connected(&url).await;
        let running = call(&HASTY, &store, 1, async {
            println!("\nrunning");
            std::future::pending().await
        });
        running.await.expect("it is killed").expect("it never ends");
    }
    let (store, url) = store("engine_killed").await;
    let name = "postgres::engine::an_owner_that_is_killed_leaves_unknown_when_its_lease_ends";
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ROLE, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "running"), "it has begun");
    let busy = call(&HASTY, &store, 1, never()).await.expect_err("it is owned");
    assert!(matches!(busy, IdempotencyError::InProgress), "{busy}");
    // Its lease is renewed for as long as it lives.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let busy = call(&HASTY, &store, 1, never()).await.expect_err("it is owned still");
    assert!(matches!(busy, IdempotencyError::InProgress), "{busy}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    let begun = Instant::now();
    loop {
        match call(&HASTY, &store, 1, never()).await.expect_err("nobody runs it again") {
            IdempotencyError::InProgress => tokio::time::sleep(Duration::from_millis(20)).await,
            IdempotencyError::Unknown { fence: 1 } => break,
            other => panic!("{other}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "its lease never ends");
    }
}
