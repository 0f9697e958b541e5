//! Callers that leave, at every point at which they can.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use retry_runtime::__private::Spec;
use retry_runtime::idempotency::{IdempotencyError, MemoryStore, RecordState};
use retry_runtime::testing;

use crate::support::{Effect, Fault, Remote, call, call_as, results, state};

static RERUN: Spec = Spec::new("order_{order}", "tests::rerun_dropped").rerun_unknown();

/// Polls up to `times`; whether it was done.
fn poll(future: impl Future<Output = ()>, times: usize) -> bool {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).any(|_| future.as_mut().poll(&mut cx) == Poll::Ready(()))
}

#[test]
fn dropped_before_it_is_polled_nothing_has_happened() {
    let store = MemoryStore::new();
    drop(call(&store, "7", Effect::default().pay()));
    assert!(store.is_empty());
}

#[tokio::test]
async fn dropped_in_its_body_the_record_is_unknown_at_once() {
    let scope = testing::scope();
    let (store, effect) = (MemoryStore::new(), Effect::default());
    assert!(!poll(
        async {
            let _ = call(&store, "7", std::future::pending()).await;
        },
        1
    ));
    assert_eq!(state(&store, "7").await, Some(RecordState::Unknown));
    let held = call(&store, "7", effect.pay()).await;
    assert!(matches!(held, Err(IdempotencyError::Unknown { fence: 1 })), "{held:?}");
    assert_eq!(effect.times(), 0);
    assert_eq!(results(&scope), ["abandoned", "unknown"]);
}

#[tokio::test]
async fn those_who_wait_for_a_dropped_owner_are_told() {
    for (spec, reruns) in [(&crate::support::PLAIN, false), (&RERUN, true)] {
        let store = MemoryStore::new();
        let effect = Effect::default();
        let mut owner = Box::pin(call_as(spec, &store, "7", std::future::pending()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(owner.as_mut().poll(&mut cx).is_pending());
        let waits = call_as(spec, &store, "7", effect.pay());
        let also = call_as(spec, &store, "7", effect.pay());
        let leaves = async move {
            tokio::task::yield_now().await;
            drop(owner);
        };
        let (waited, too, ()) = tokio::join!(waits, also, leaves);
        for waited in [waited, too] {
            if reruns {
                assert_eq!(waited.expect("taken over"), Ok("receipt 1".to_owned()));
            } else {
                let unknown = matches!(waited, Err(IdempotencyError::Unknown { fence: 1 }));
                assert!(unknown, "{waited:?}");
            }
        }
        assert_eq!(effect.times(), u32::from(reruns));
    }
}

/// A store that is pending before and after each operation, a body that is pending before and after
/// its effect, and a caller that leaves after every number of polls. Whatever the moment: one effect
/// at most, an answer if the effect was recorded, and never a key that is lost without a trace.
#[test]
fn at_whatever_poll_the_caller_leaves_there_is_one_effect_at_most() {
    let mut ends = Vec::new();
    for polls in 0..24 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let (store, effect) = (Remote::new().slow(2), Arc::new(Effect::default()));
            let begun = Arc::new(Effect::default());
            let done = poll(
                async {
                    let _ = call(&store, "7", async {
                        begun.happens();
                        tokio::task::yield_now().await;
                        let receipt = effect.pay().await;
                        tokio::task::yield_now().await;
                        receipt
                    })
                    .await;
                },
                polls,
            );
            // What was left to the background comes to its end, and leases pass.
            tokio::time::sleep(std::time::Duration::from_secs(120)).await;
            let next = call(&store, "7", effect.pay()).await;
            assert!(effect.times() <= 1, "two effects, dropped after {polls} polls");
            match &next {
                Ok(Ok(_)) if done => assert_eq!(begun.times(), 1),
                Ok(Ok(_)) => {}
                Err(IdempotencyError::Unknown { .. }) => {
                    assert_eq!(begun.times(), 1, "unknown although the body never began");
                }
                other => panic!("after {polls} polls: {other:?}"),
            }
            ends.push(next.is_ok());
        });
    }
    assert!(ends.contains(&true) && ends.contains(&false), "{ends:?}");
    assert_eq!(ends.last(), Some(&true), "with enough polls it comes to its end");
}

/// The same where nothing can go on in the background: an early drop may leave unknown behind.
#[test]
fn without_a_background_a_drop_never_means_two_effects() {
    for polls in 0..24 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let store = Remote::new().slow(2).lends_nothing();
            let effect = Effect::default();
            poll(
                async {
                    let _ = call(&store, "7", async {
                        tokio::task::yield_now().await;
                        effect.pay().await
                    })
                    .await;
                },
                polls,
            );
            tokio::time::sleep(std::time::Duration::from_secs(120)).await;
            let _ = call(&store, "7", effect.pay()).await;
            assert!(effect.times() <= 1, "two effects, dropped after {polls} polls");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_while_its_answer_is_stored_the_answer_is_stored_all_the_same() {
    let (store, effect) = (Remote::new(), Effect::default());
    store.spoil("complete", Fault::Hangs, 1);
    assert!(!poll(
        async {
            let _ = call(&store, "7", effect.pay()).await;
        },
        1
    ));
    let next = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(next, Ok("receipt 1".to_owned()));
    assert_eq!(effect.times(), 1);
}

#[tokio::test]
async fn an_aborted_task_leaves_unknown() {
    let store = MemoryStore::new();
    let shared = store.clone();
    let task = tokio::spawn(async move { call(&shared, "7", std::future::pending()).await });
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    assert_eq!(state(&store, "7").await, Some(RecordState::Unknown));
}
