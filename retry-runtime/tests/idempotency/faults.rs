//! Stores that fail.

use std::time::Duration;

use retry_runtime::__private::Spec;
use retry_runtime::idempotency::{
    ClaimRequest, Claimed, Guarantees, IdempotencyError, IdempotencyStore, MemoryStore, Owner,
    RecordState, StoreErrorKind, require, sweep_every,
};
use retry_runtime::{Classify, testing};

use crate::support::{Effect, Failure, Fault, Remote, call, call_as, key, results, state};

static RUNS: Spec = Spec::new("order_{order}", "tests::runs").run_when_store_down();

#[tokio::test(start_paused = true)]
async fn without_a_store_the_body_does_not_run_and_the_answer_comes_in_bounded_time() {
    for fault in [Fault::Down, Fault::Hangs, Fault::Full] {
        let (store, effect) = (Remote::new(), Effect::default());
        store.spoil("claim", fault, usize::MAX);
        let begun = tokio::time::Instant::now();
        let refused = call(&store, "7", effect.pay()).await;
        let Err(error @ IdempotencyError::StoreUnavailable(_)) = refused else {
            panic!("{refused:?}")
        };
        assert!(error.classify().is_retryable() && error.classify().is_unsent());
        assert_eq!(effect.times(), 0);
        assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn one_broken_connection_is_asked_again() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("claim", Fault::Down, 1);
    call(&store, "7", effect.pay()).await.expect("runs").expect("pays");
    assert_eq!(effect.times(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_store_the_body_runs_where_that_was_said() {
    let scope = testing::scope();
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("claim", Fault::Down, usize::MAX);
    let ran = call_as(&RUNS, &store, "7", effect.pay()).await.expect("ran");
    assert_eq!(ran, Ok("receipt 1".to_owned()));
    assert_eq!(results(&scope), ["ran_without_store"]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_never_came_is_given_back() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("claim", Fault::Mute, 2);
    let refused = call(&store, "7", effect.pay()).await;
    assert!(matches!(refused, Err(IdempotencyError::StoreUnavailable(_))), "{refused:?}");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(state(&store.records, "7").await, Some(RecordState::Released));
    call(&store, "7", effect.pay()).await.expect("runs").expect("pays");
    assert_eq!(effect.times(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_could_not_be_stored_is_returned_and_stored_later() {
    for (store, background) in [(Remote::new(), true), (Remote::new().lends_nothing(), false)] {
        let effect = Effect::default();
        store.spoil("complete", Fault::Down, 3);
        let ran = call(&store, "7", effect.pay()).await.expect("ran");
        assert_eq!(ran, Ok("receipt 1".to_owned()));
        if background {
            assert_eq!(state(&store.records, "7").await, Some(RecordState::InFlight));
            // Whoever comes meanwhile waits, and does not run.
        }
        let again = call(&store, "7", effect.pay()).await.expect("is replayed");
        assert_eq!(again, Ok("receipt 1".to_owned()));
        assert_eq!(effect.times(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_lease_ended_before_it_was_stored_corrects_the_unknown_record() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("complete", Fault::Down, 13);
    call(&store, "7", effect.pay()).await.expect("ran").expect("pays");
    tokio::time::sleep(Duration::from_secs(33)).await;
    assert_eq!(state(&store.records, "7").await, Some(RecordState::Unknown));
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(state(&store.records, "7").await, Some(RecordState::Done));
    let again = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(again, Ok("receipt 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_never_stored_leaves_unknown_and_is_not_run_again() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("complete", Fault::Down, usize::MAX);
    call(&store, "7", effect.pay()).await.expect("ran").expect("pays");
    tokio::time::sleep(Duration::from_secs(300)).await;
    // The correction needs the store to answer the completion first.
    let again = call(&store, "7", effect.pay()).await;
    assert!(matches!(again, Err(IdempotencyError::Unknown { fence: 1 })), "{again:?}");
    assert_eq!(effect.times(), 1);
}

#[tokio::test]
async fn a_full_store_keeps_at_least_that_it_happened() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("complete", Fault::Full, 1);
    let ran = call(&store, "7", effect.pay()).await.expect("ran");
    assert_eq!(ran, Ok("receipt 1".to_owned()));
    let again = call(&store, "7", effect.pay()).await;
    assert!(matches!(again, Err(IdempotencyError::ResultNotStored)), "{again:?}");
    assert_eq!(effect.times(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_failed_is_made_later() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("release", Fault::Hangs, 1);
    let failed = call(&store, "7", async { Err(Failure::Throttled) }).await;
    assert_eq!(failed.expect("its own failure"), Err(Failure::Throttled));
    let next = call(&store, "7", effect.pay()).await.expect("waits and runs");
    assert_eq!(next, Ok("receipt 1".to_owned()));
}

#[tokio::test]
async fn a_corrupt_record_is_neither_run_nor_overwritten() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    for (order, bytes, newer) in
        [("7", &b"no answer"[..], false), ("8", &b"SFID\xff of the future"[..], true)]
    {
        let key = key(order);
        let claimed = store.claim(ClaimRequest::new(key.as_str(), Owner(1))).await;
        let Ok(Claimed::Owned { claim, .. }) = claimed else { panic!("{claimed:?}") };
        store.complete(key.as_str(), claim, bytes, Duration::from_secs(60)).await.expect("stored");
        let refused = call(&store, order, effect.pay()).await;
        let right = match &refused {
            Err(IdempotencyError::Incompatible(_)) => newer,
            Err(IdempotencyError::Corrupt(_)) => !newer,
            _ => false,
        };
        assert!(right, "{refused:?}");
        let kept = store.peek(key.as_str()).await.expect("answers").expect("kept");
        assert_eq!(kept.value.as_deref(), Some(bytes));
    }
    assert_eq!(effect.times(), 0);
}

#[tokio::test]
async fn a_key_that_never_succeeds_is_not_tried_for_ever() {
    let store = MemoryStore::new();
    for _ in 0..100 {
        let _ = call(&store, "7", async { Err(Failure::Throttled) }).await.expect("runs");
    }
    let effect = Effect::default();
    let refused = call(&store, "7", effect.pay()).await;
    assert!(matches!(refused, Err(IdempotencyError::TooOften { claims: 100 })), "{refused:?}");
}

#[tokio::test]
async fn what_a_store_cannot_give_is_refused() {
    let needed = Guarantees { durable: true, shared: false };
    let refused = require(&MemoryStore::new(), needed).await.expect_err("memory is not durable");
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    require(&Remote::new(), needed).await.expect("durable");
    let nothing = Guarantees { durable: false, shared: false };
    require(&MemoryStore::new(), nothing).await.expect("nothing is asked");
}

#[tokio::test(start_paused = true)]
async fn sweeping_goes_on_after_a_failure() {
    static SHORT: Spec = Spec::new("order_{order}", "tests::swept").ttl(Duration::from_secs(60));
    let store = Remote::new();
    store.spoil("sweep", Fault::Down, 1);
    call_as(&SHORT, &store, "7", Effect::default().pay()).await.expect("ran").expect("pays");
    assert_eq!(store.records.len(), 1);
    let sweeping = tokio::spawn(sweep_every(store.clone(), Duration::from_secs(45)));
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(store.records.len(), 1);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(store.records.len(), 0);
    sweeping.abort();
}
