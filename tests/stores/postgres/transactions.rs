//! Effect and record in one commit.

use std::time::Duration;

use steadfast::idempotency::{
    Claim, Claimed, IdempotencyStore as _, OnUnknown, PostgresStore, RecordState, StoreErrorKind,
    Written,
};
use steadfast::retry;
use steadfast_servers::postgres::Postgres;
use tokio_postgres::{Client, Error, IsolationLevel};

use super::{DAY, client, complete, connected, own, request, store};

async fn effects(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM effect", &[]).await.unwrap().get(0)
}

async fn with_effects(name: &str) -> (PostgresStore, String, Client) {
    let (store, url) = store(name).await;
    let client = client(&url).await;
    client.batch_execute("CREATE TABLE effect (what text)").await.unwrap();
    (store, url, client)
}

const EFFECT: &str = "INSERT INTO effect VALUES ('paid')";

#[tokio::test]
async fn effect_and_record_are_committed_together() {
    let (store, url, mut users) = with_effects("together_in").await;
    let claim = own(&store, "k", 1).await;
    let transaction = users.transaction().await.unwrap();
    transaction.batch_execute(EFFECT).await.unwrap();
    let made = store.complete_in(&transaction, "k", claim, b"paid", DAY).await.unwrap();
    assert_eq!(made, Written::Made);
    // A second effect of one claim is one too many, wherever the first was made.
    let again = store.complete_in(&transaction, "k", claim, b"other", DAY).await.unwrap();
    assert_eq!(again, Written::Lost { fence: Some(1) });

    let before = store.peek("k").await.unwrap().unwrap();
    assert_eq!(before.state, RecordState::InFlight, "nobody sees it before the commit");
    transaction.commit().await.unwrap();
    assert_eq!(effects(&client(&url).await).await, 1);
    let replay = store.claim(request("k", 2)).await.unwrap();
    assert_eq!(replay, Claimed::Done { value: b"paid".to_vec() });
    let transaction = users.transaction().await.unwrap();
    let again = store.complete_in(&transaction, "k", claim, b"other", DAY).await.unwrap();
    assert_eq!(again, Written::Lost { fence: Some(1) });
    transaction.rollback().await.unwrap();
    // A renewal that comes late, and what a caller does that knows nothing of the transaction.
    assert_eq!(store.renew("k", claim, DAY).await.unwrap(), Written::Made);
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_neither_effect_nor_record() {
    let (store, url, mut users) = with_effects("dropped_in").await;
    let claim = own(&store, "k", 1).await;
    let transaction = users.transaction().await.unwrap();
    transaction.batch_execute(EFFECT).await.unwrap();
    store.complete_in(&transaction, "k", claim, b"paid", DAY).await.unwrap();
    drop(transaction);
    assert_eq!(effects(&users).await, 0);
    assert_eq!(store.peek("k").await.unwrap().unwrap().state, RecordState::InFlight);
    assert_eq!(complete(&store, "k", claim, b"later").await, Written::Made);
    drop(url);
}

#[tokio::test]
async fn a_server_that_dies_before_the_commit_leaves_neither_effect_nor_record() {
    let mut server = Postgres::start();
    let store = connected(&server.url()).await;
    store.migrate().await.unwrap();
    let mut users = client(&server.url()).await;
    users.batch_execute("CREATE TABLE effect (what text)").await.unwrap();
    let claim = own(&store, "k", 1).await;
    let transaction = users.transaction().await.unwrap();
    transaction.batch_execute(EFFECT).await.unwrap();
    store.complete_in(&transaction, "k", claim, b"paid", DAY).await.unwrap();
    server.kill();
    transaction.commit().await.expect_err("there is no server");
    server.restart();
    assert_eq!(effects(&client(&server.url()).await).await, 0);
    assert_eq!(store.peek("k").await.unwrap().unwrap().state, RecordState::InFlight);
}

#[tokio::test]
async fn a_claim_that_was_lost_says_so_before_the_commit() {
    let (store, url, mut users) = with_effects("lost_in").await;
    let late = own(&store, "k", 1).await;
    let admin = client(&url).await;
    admin.batch_execute("UPDATE steadfast_idempotency SET lease_until = now()").await.unwrap();
    let transaction = users.transaction().await.unwrap();
    let lost = store.complete_in(&transaction, "k", late, b"late", DAY).await.unwrap();
    assert_eq!(lost, Written::Lost { fence: Some(1) }, "the lease is over");
    transaction.rollback().await.unwrap();

    let mut take = request("k", 2);
    take.on_unknown = OnUnknown::Take;
    let Claimed::Owned { claim, was_unknown: true } = store.claim(take).await.unwrap() else {
        panic!("an unknown record is taken over");
    };
    let transaction = users.transaction().await.unwrap();
    let lost = store.complete_in(&transaction, "k", late, b"late", DAY).await.unwrap();
    assert_eq!(lost, Written::Lost { fence: Some(2) });
    transaction.rollback().await.unwrap();
    let transaction = users.transaction().await.unwrap();
    let made = store.complete_in(&transaction, "k", claim, b"paid", DAY).await.unwrap();
    assert_eq!(made, Written::Made);
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn while_a_transaction_holds_the_record_nobody_takes_it_over() {
    let (store, url, mut users) = with_effects("held_in").await;
    let mut short = request("k", 1);
    short.lease = Duration::from_millis(150);
    let Claimed::Owned { claim, .. } = store.claim(short).await.unwrap() else { panic!("free") };
    let transaction = users.transaction().await.unwrap();
    transaction.batch_execute(EFFECT).await.unwrap();
    store.complete_in(&transaction, "k", claim, b"paid", DAY).await.unwrap();
    // The lease is the server's, whose clock nobody sets.
    tokio::time::sleep(Duration::from_millis(200)).await;

    let impatient = connected(&url).await.timeout(Duration::from_millis(300));
    let mut take = request("k", 2);
    take.on_unknown = OnUnknown::Take;
    let error = impatient.claim(take).await.expect_err("the record is locked");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("holds the record"), "{error}");

    let (taken, ()) = tokio::join!(store.claim(take), async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let admin = client(&url).await;
        while admin.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        transaction.commit().await.unwrap();
    });
    assert_eq!(taken.unwrap(), Claimed::Done { value: b"paid".to_vec() });
}

/// A body as a user writes it: the whole transaction, repeated as a whole.
#[retry(max_attempts = 5, base_delay = "1ms")]
async fn pay(
    client: &mut Client,
    store: &PostgresStore,
    rival: &Client,
    claim: Claim,
    runs: &mut u32,
) -> Result<Written, Error> {
    *runs += 1;
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::Serializable).start().await?;
    transaction.query_one("SELECT count(*) FROM effect", &[]).await?;
    if *runs == 1 {
        rival.batch_execute("UPDATE account SET n = n + 1").await?;
    }
    transaction.batch_execute("UPDATE account SET n = n + 1").await?;
    transaction.batch_execute(EFFECT).await?;
    let written = store.complete_in(&transaction, "k", claim, b"paid", DAY).await?;
    transaction.commit().await?;
    Ok(written)
}

#[tokio::test]
async fn a_serialization_failure_repeats_the_transaction_and_leaves_one_effect() {
    let (store, url, mut users) = with_effects("serial_in").await;
    users
        .batch_execute("CREATE TABLE account (n integer); INSERT INTO account VALUES (0)")
        .await
        .unwrap();
    let rival = client(&url).await;
    let claim = own(&store, "k", 1).await;
    let mut runs = 0;
    let written = pay(&mut users, &store, &rival, claim, &mut runs).await.expect("it is healed");
    assert_eq!((written, runs), (Written::Made, 2));
    assert_eq!(effects(&users).await, 1);
    let n: i32 = users.query_one("SELECT n FROM account", &[]).await.unwrap().get(0);
    assert_eq!(n, 2);
}

#[tokio::test]
async fn of_two_owners_who_both_ran_one_effect_is_committed() {
    let (store, url, mut users) = with_effects("two_in").await;
    for round in 0..20 {
        let key = format!("k{round}");
        let late = own(&store, &key, 1).await;
        client(&url)
            .await
            .batch_execute(
                "UPDATE steadfast_idempotency SET lease_until = now() WHERE state = 'in flight'",
            )
            .await
            .unwrap();
        let mut take = request(&key, 2);
        take.on_unknown = OnUnknown::Take;
        let Claimed::Owned { claim, .. } = store.claim(take).await.unwrap() else { panic!("free") };
        let mut others = client(&url).await;
        let run = async |client: &mut Client, claim: Claim| {
            let transaction = client.transaction().await.unwrap();
            transaction.batch_execute(EFFECT).await.unwrap();
            match store.complete_in(&transaction, &key, claim, b"paid", DAY).await.unwrap() {
                Written::Made => transaction.commit().await.unwrap(),
                Written::Lost { .. } => transaction.rollback().await.unwrap(),
            }
        };
        tokio::join!(run(&mut users, late), run(&mut others, claim));
        assert_eq!(effects(&users).await, round + 1);
    }
}
