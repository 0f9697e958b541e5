//! Synchronous bodies.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use retry_runtime::__private::{Replay, Spec, run_blocking, run_blocking_reconciled};
use retry_runtime::idempotency::{
    IdempotencyError, IdempotencyStore, MemoryStore, Reconciled, RecordState,
};

use crate::support::{Answer, Effect, Failure, Fault, PLAIN, Remote, ended, key};

fn call<S: IdempotencyStore>(
    spec: &'static Spec,
    store: &S,
    body: impl FnOnce() -> Answer,
) -> Result<Answer, IdempotencyError> {
    run_blocking(spec, store, &key("7"), None, Replay::values(), || ended(body()))
}

fn state(store: &MemoryStore) -> Option<RecordState> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(crate::support::state(store, "7"))
}

#[test]
fn a_second_call_is_answered_without_a_runtime() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    for _ in 0..3 {
        let answer = call(&PLAIN, &store, || Ok(format!("receipt {}", effect.happens())));
        assert_eq!(answer.expect("an answer"), Ok("receipt 1".to_owned()));
    }
}

#[test]
fn sixty_four_threads_are_one_run() {
    for slow in [0, 2] {
        let store = Remote::new().slow(slow);
        let (effect, barrier) = (Effect::default(), Barrier::new(64));
        thread::scope(|scope| {
            let calls: Vec<_> = (0..64)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        call(&PLAIN, &store, || {
                            thread::yield_now();
                            Ok(format!("receipt {}", effect.happens()))
                        })
                    })
                })
                .collect();
            for answer in calls {
                let answer = answer.join().expect("no panic").expect("an answer");
                assert_eq!(answer, Ok("receipt 1".to_owned()));
            }
        });
        assert_eq!(effect.times(), 1);
    }
}

#[test]
fn it_can_be_called_on_a_thread_of_any_runtime() {
    static QUICK: Spec =
        Spec::new("order_{order}", "tests::quick").lease(Duration::from_millis(300));
    let mut builders = [
        tokio::runtime::Builder::new_current_thread(),
        tokio::runtime::Builder::new_multi_thread(),
    ];
    for builder in &mut builders {
        let runtime = builder.enable_time().build().expect("a runtime");
        let store = Remote::new().slow(30);
        // Hangs once: the timer that ends the waiting is not of the runtime that is blocked.
        store.spoil("claim", Fault::Hangs, 1);
        let answer = runtime.block_on(async {
            let inside = tokio::spawn(async move {
                call(&QUICK, &store, || {
                    assert!(
                        tokio::runtime::Handle::try_current().is_ok(),
                        "the body is where it was"
                    );
                    Ok("paid".to_owned())
                })
            });
            inside.await.expect("no panic")
        });
        assert_eq!(answer.expect("an answer"), Ok("paid".to_owned()));
    }
}

#[test]
fn its_claim_is_renewed_by_another_thread() {
    static SHORT: Spec =
        Spec::new("order_{order}", "tests::renewed").lease(Duration::from_millis(150));
    for store in [Remote::new(), Remote::new().lends_nothing()] {
        let answer = call(&SHORT, &store, || {
            thread::sleep(Duration::from_millis(600));
            Ok("paid".to_owned())
        });
        assert_eq!(answer.expect("held to its end"), Ok("paid".to_owned()));
        assert_eq!(state(&store.records), Some(RecordState::Done));
    }
}

#[test]
fn a_claim_that_is_not_renewed_rejects_the_late_answer() {
    static SHORT: Spec = Spec::new("order_{order}", "tests::late").lease(Duration::from_millis(60));
    let store = Remote::new();
    store.spoil("renew", Fault::Down, usize::MAX);
    let late = call(&SHORT, &store, || {
        thread::sleep(Duration::from_millis(120));
        Ok("paid".to_owned())
    });
    assert!(
        matches!(late, Err(IdempotencyError::LeaseLost { fence: 1, current: Some(1) })),
        "{late:?}"
    );
    assert_eq!(state(&store.records), Some(RecordState::Unknown));
}

#[test]
fn a_panic_goes_through_and_leaves_unknown() {
    for store in [Remote::new(), Remote::new().lends_nothing()] {
        let records = Arc::new(store.records.clone());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = call(&PLAIN, &records, || panic!("at the till"));
        }));
        let panic = panicked.expect_err("it panicked");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"at the till"));
        assert_eq!(state(&records), Some(RecordState::Unknown));
        // The renewing thread of a store that lends nothing ends with the body.
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = call(&PLAIN, &store, || panic!("at the till"));
        }));
        assert!(panicked.is_ok(), "the record is unknown, and the body does not run");
    }
}

#[test]
fn a_call_of_its_own_key_is_refused_at_once() {
    let store = MemoryStore::new();
    let answer = call(&PLAIN, &store, || {
        let inner = call(&PLAIN, &store, || Ok("inner".to_owned()));
        assert!(matches!(inner, Err(IdempotencyError::InProgress)), "{inner:?}");
        Ok("outer".to_owned())
    });
    assert_eq!(answer.expect("ran"), Ok("outer".to_owned()));
}

#[test]
fn an_unknown_record_is_reconciled() {
    static RECONCILE: Spec =
        Spec::new("order_{order}", "tests::reconcile_blocking").reconcile_unknown();
    let ask = |store: &MemoryStore, found: Reconciled<String>, effect: &Effect| {
        run_blocking_reconciled(
            &RECONCILE,
            store,
            &key("7"),
            None,
            Replay::<Answer>::values(),
            |asked| {
                assert_eq!(asked, RECONCILE.idempotency_key(&key("7")));
                found
            },
            || ended(Ok(format!("receipt {}", effect.happens()))),
        )
    };
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let _ = call(&RECONCILE, &store, || Err(Failure::Timeout));
    let held = ask(&store, Reconciled::Unknown, &effect);
    assert!(matches!(held, Err(IdempotencyError::Unknown { .. })), "{held:?}");
    let done = ask(&store, Reconciled::Done("found".to_owned()), &effect);
    assert_eq!(done.expect("found"), Ok("found".to_owned()));
    let store = MemoryStore::new();
    let _ = call(&RECONCILE, &store, || Err(Failure::Timeout));
    let ran = ask(&store, Reconciled::NotDone, &effect);
    assert_eq!(ran.expect("ran"), Ok("receipt 1".to_owned()));
}
