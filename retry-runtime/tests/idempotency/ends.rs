//! How a body can end, and what the record and those who wait make of it.

use std::sync::Arc;
use std::time::Duration;

use retry_runtime::__private::{Ended, Replay, Spec, run, run_detached, run_reconciled};
use retry_runtime::idempotency::{IdempotencyError, MemoryStore, Reconciled, RecordState};
use retry_runtime::{Classification, Kind};

use crate::support::{
    Answer, Effect, Failure, PLAIN, Remote, call, call_as, ended, key, record, state,
};

static KEYED: Spec = Spec::new("order_{order}", "tests::keyed").replay_keyed();
static RERUN: Spec = Spec::new("order_{order}", "tests::rerun").rerun_unknown();
static RECONCILE: Spec = Spec::new("order_{order}", "tests::reconcile").reconcile_unknown();

#[tokio::test]
async fn a_failure_leaves_what_its_class_allows() {
    let table = [
        (Failure::Permanent, RecordState::Released, RecordState::Released),
        (Failure::Transient, RecordState::Unknown, RecordState::Released),
        (Failure::Timeout, RecordState::Unknown, RecordState::Released),
        (Failure::Throttled, RecordState::Released, RecordState::Released),
        (Failure::Conflict, RecordState::Released, RecordState::Released),
        (Failure::Refused, RecordState::Released, RecordState::Released),
    ];
    for (failure, unsent, keyed) in table {
        for (spec, expected) in [(&PLAIN, unsent), (&KEYED, keyed)] {
            let (store, effect) = (MemoryStore::new(), Effect::default());
            let failed = call_as(spec, &store, "7", async { Err(failure.clone()) }).await;
            assert_eq!(failed.expect("its own failure"), Err(failure.clone()));
            assert_eq!(state(&store, "7").await, Some(expected), "{failure:?} {spec:?}");
            let next = call_as(spec, &store, "7", effect.pay()).await;
            match expected {
                RecordState::Unknown => {
                    assert!(matches!(next, Err(IdempotencyError::Unknown { fence: 1 })));
                    assert_eq!(effect.times(), 0);
                }
                _ => assert_eq!(next.expect("runs"), Ok("receipt 1".to_owned())),
            }
        }
    }
}

#[tokio::test]
async fn those_who_wait_share_the_failure_of_the_owner() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let owner = call(&store, "7", async {
        tokio::task::yield_now().await;
        effect.happens();
        Err(Failure::Throttled)
    });
    let (failed, first, second) =
        tokio::join!(owner, call(&store, "7", effect.pay()), call(&store, "7", effect.pay()));
    assert_eq!(failed.expect("its own failure"), Err(Failure::Throttled));
    for waited in [first, second] {
        let Err(IdempotencyError::OwnerFailed { class, text }) = waited else {
            panic!("{waited:?}")
        };
        assert_eq!(class, Classification::retryable().kind(Kind::Throttled));
        assert_eq!(text.as_deref(), Some("Throttled at https://host/pay"));
    }
    assert_eq!(effect.times(), 1, "nobody ran after it");
    assert_eq!(call(&store, "7", effect.pay()).await.expect("runs"), Ok("receipt 2".to_owned()));
}

#[tokio::test]
async fn a_panic_goes_through_and_leaves_unknown() {
    let store = MemoryStore::new();
    let shared = store.clone();
    let waits = tokio::spawn(async move {
        tokio::task::yield_now().await;
        call(&shared, "7", Effect::default().pay()).await
    });
    let shared = store.clone();
    let panicked = tokio::spawn(async move {
        call(&shared, "7", async {
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            panic!("at the till")
        })
        .await
    });
    let panic = panicked.await.expect_err("it panicked").into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"at the till"));
    let waited = waits.await.expect("no panic");
    assert!(matches!(waited, Err(IdempotencyError::Unknown { fence: 1 })), "{waited:?}");
    assert_eq!(state(&store, "7").await, Some(RecordState::Unknown));
}

#[tokio::test]
async fn an_unknown_record_is_rerun_where_that_was_said() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let _ = call_as(&RERUN, &store, "7", async { Err(Failure::Timeout) }).await;
    let again = call_as(&RERUN, &store, "7", effect.pay()).await.expect("runs");
    assert_eq!(again, Ok("receipt 1".to_owned()));
    assert_eq!(record(&store, "7").await.expect("done").fence, 2);
}

async fn reconcile(
    store: &MemoryStore,
    found: Reconciled<String>,
    effect: &Effect,
) -> Result<Answer, IdempotencyError> {
    let body = async { ended(effect.pay().await) };
    let ask = |asked: retry_runtime::idempotency::IdempotencyKey| async move {
        assert_eq!(asked, RECONCILE.idempotency_key(&key("7")));
        tokio::task::yield_now().await;
        found
    };
    run_reconciled(&RECONCILE, store, key("7"), None, Replay::values(), ask, body).await
}

#[tokio::test]
async fn an_unknown_record_is_reconciled_where_that_was_said() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let _ = call_as(&RECONCILE, &store, "7", async { Err(Failure::Timeout) }).await;

    let held = reconcile(&store, Reconciled::Unknown, &effect).await;
    assert!(matches!(held, Err(IdempotencyError::Unknown { .. })), "{held:?}");
    assert_eq!(state(&store, "7").await, Some(RecordState::Unknown));

    let done = reconcile(&store, Reconciled::Done("found".to_owned()), &effect).await;
    assert_eq!(done.expect("found"), Ok("found".to_owned()));
    assert_eq!(effect.times(), 0);
    let replayed = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(replayed, Ok("found".to_owned()));

    let store = MemoryStore::new();
    let _ = call_as(&RECONCILE, &store, "7", async { Err(Failure::Timeout) }).await;
    let ran = reconcile(&store, Reconciled::NotDone, &effect).await;
    assert_eq!(ran.expect("ran"), Ok("receipt 1".to_owned()));
}

async fn recorded(store: &MemoryStore, outcome: Answer) -> Result<Answer, IdempotencyError> {
    let body = async { ended(outcome) };
    run(&PLAIN, store, key("7"), None, Replay::values_and_errors(), body).await
}

#[tokio::test]
async fn permanent_errors_are_replayed_where_they_are_recorded() {
    let store = MemoryStore::new();
    let throttled = recorded(&store, Err(Failure::Throttled)).await;
    assert_eq!(throttled.expect("its own"), Err(Failure::Throttled));
    assert_eq!(state(&store, "7").await, Some(RecordState::Released), "it may be tried again");
    let declined = recorded(&store, Err(Failure::Permanent)).await;
    assert_eq!(declined.expect("its own"), Err(Failure::Permanent));
    let replayed = recorded(&store, Ok("paid".to_owned())).await;
    assert_eq!(replayed.expect("is replayed"), Err(Failure::Permanent));
    let without = call(&store, "7", Effect::default().pay()).await;
    assert!(matches!(without, Err(IdempotencyError::Incompatible(_))), "{without:?}");
}

#[tokio::test]
async fn what_cannot_be_stored_is_returned_and_never_run_again() {
    let store = MemoryStore::new();
    let large = "x".repeat(2 << 20);
    let answer = call(&store, "7", async { Ok(large.clone()) }).await.expect("ran");
    assert_eq!(answer, Ok(large));
    let effect = Effect::default();
    let again = call(&store, "7", effect.pay()).await;
    assert!(matches!(again, Err(IdempotencyError::ResultNotStored)), "{again:?}");

    let number = async |value: f64| {
        let body = async { Ended::new(Ok::<_, Failure>(value), None) };
        run(&PLAIN, &store, key("8"), None, Replay::values(), body).await
    };
    assert!(number(f64::NAN).await.expect("ran").expect("ok").is_nan());
    let again = number(1.0).await;
    assert!(matches!(again, Err(IdempotencyError::ResultNotStored)), "{again:?}");
    assert_eq!(effect.times(), 0);
}

#[tokio::test]
async fn another_version_or_type_is_neither_run_nor_overwritten() {
    static SECOND: Spec = Spec::new("order_{order}", "tests::second").version(2);
    let (store, effect) = (MemoryStore::new(), Effect::default());
    call(&store, "7", effect.pay()).await.expect("ran").expect("pays");
    let before = record(&store, "7").await.expect("done");
    let newer = call_as(&SECOND, &store, "7", effect.pay()).await;
    assert!(matches!(newer, Err(IdempotencyError::Incompatible(_))), "{newer:?}");
    let body = async { Ended::new(Ok::<_, Failure>(7_u32), None) };
    let other = run(&PLAIN, &store, key("7"), None, Replay::values(), body).await;
    assert!(matches!(other, Err(IdempotencyError::Incompatible(_))), "{other:?}");
    let after = record(&store, "7").await.expect("done");
    assert_eq!((before.value, before.fence), (after.value, after.fence));
    assert_eq!(effect.times(), 1);
}

async fn detached(
    store: &impl retry_runtime::idempotency::IdempotencyStore,
    body: impl Future<Output = Answer> + Send + 'static,
) -> Result<Answer, IdempotencyError> {
    let body = async { ended(body.await) };
    run_detached(&PLAIN, store, key("7"), None, Replay::values(), body).await
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_goes_on_without_its_caller() {
    let store = MemoryStore::new();
    let effect = Arc::new(Effect::default());
    let in_body = Arc::clone(&effect);
    let pays = async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        in_body.pay().await
    };
    let left = tokio::time::timeout(Duration::from_secs(1), detached(&store, pays)).await;
    assert!(left.is_err(), "the caller left");
    assert_eq!(state(&store, "7").await, Some(RecordState::InFlight));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(effect.times(), 1);
    let replayed = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(replayed, Ok("receipt 1".to_owned()));
}

#[tokio::test]
async fn a_detached_call_returns_panics_and_needs_a_store_to_keep() {
    let store = MemoryStore::new();
    let panicked =
        tokio::spawn(async move { detached(&store, async { panic!("at the till") }).await });
    let panic = panicked.await.expect_err("it panicked").into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"at the till"));

    let borrowed = Remote::new().lends_nothing();
    let refused = detached(&borrowed, async { Ok("paid".to_owned()) }).await;
    assert!(matches!(refused, Err(IdempotencyError::StoreUnavailable(_))), "{refused:?}");
    let pointed = Arc::new(borrowed);
    let ran = detached(&pointed, async { Ok("paid".to_owned()) }).await;
    assert_eq!(ran.expect("an `Arc` can be kept"), Ok("paid".to_owned()));
}
