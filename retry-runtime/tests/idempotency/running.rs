//! One run and many answers.

use std::sync::Arc;
use std::time::Duration;

use retry_runtime::__private::{Ended, Fingerprint, Key, Replay, Spec, run};
use retry_runtime::idempotency::{
    IdempotencyError, IdempotencyStore, MemoryStore, Operator, RecordState, default_store,
};
use retry_runtime::testing;
use tokio::sync::Notify;

use crate::support::{
    Answer, Effect, Failure, PLAIN, Remote, call, call_as, ended, key, record, results, state,
};

#[tokio::test]
async fn a_second_call_is_answered_with_the_first_answer() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let first = call(&store, "7", effect.pay()).await.expect("runs");
    let again = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(first, Ok("receipt 1".to_owned()));
    assert_eq!(again, first);
    let other = call(&store, "8", effect.pay()).await.expect("runs");
    assert_eq!(other, Ok("receipt 2".to_owned()));
    assert_eq!(effect.times(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_are_one_run_and_sixty_three_identical_answers() {
    for _ in 0..20 {
        let store = Arc::new(MemoryStore::new());
        let effect = Arc::new(Effect::default());
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let (store, effect) = (Arc::clone(&store), Arc::clone(&effect));
                tokio::spawn(async move {
                    call(&store, "7", async {
                        let receipt = effect.pay().await;
                        for _ in 0..5 {
                            tokio::task::yield_now().await;
                        }
                        receipt
                    })
                    .await
                })
            })
            .collect();
        for answer in calls {
            let answer = answer.await.expect("no panic").expect("an answer");
            assert_eq!(answer, Ok("receipt 1".to_owned()));
        }
        assert_eq!(effect.times(), 1);
    }
}

#[tokio::test]
async fn who_comes_while_it_runs_joins_and_asks_no_store() {
    let (store, effect, go) = (Remote::new(), Effect::default(), Notify::new());
    let scope = testing::scope();
    let owner = call(&store, "7", async {
        go.notified().await;
        effect.pay().await
    });
    let joins = async {
        let joined = call(&store, "7", effect.pay());
        let (joined, ()) = tokio::join!(joined, async { go.notify_one() });
        joined
    };
    let (owner, joined) = tokio::join!(owner, joins);
    assert_eq!(owner.expect("ran"), joined.expect("joined"));
    assert_eq!(effect.times(), 1);
    assert_eq!(store.asked.load(std::sync::atomic::Ordering::SeqCst), 2, "a claim, a completion");
    assert_eq!(results(&scope), ["ran", "joined"]);
}

#[tokio::test(start_paused = true)]
async fn another_process_is_waited_for_and_its_answer_returned() {
    let records = MemoryStore::new();
    let (here, there) = (Remote::over(&records), Remote::over(&records));
    let effect = Effect::default();
    let owner = call(&there, "7", async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        effect.pay().await
    });
    let waits = async {
        tokio::task::yield_now().await;
        call(&here, "7", effect.pay()).await
    };
    let (owner, waited) = tokio::join!(owner, waits);
    assert_eq!(owner.expect("ran"), waited.expect("replayed"));
    assert_eq!(effect.times(), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_after_wait() {
    static SHORT: Spec = Spec::new("order_{order}", "tests::short").wait(Duration::from_secs(2));
    let records = MemoryStore::new();
    let (here, there) = (Remote::over(&records), Remote::over(&records));
    let effect = Effect::default();
    let owner = call(&there, "7", std::future::pending());
    let waits = async {
        tokio::task::yield_now().await;
        let begun = tokio::time::Instant::now();
        // Both the one that asks the store and the one that joins it.
        let (asks, joins) = tokio::join!(
            call_as(&SHORT, &here, "7", effect.pay()),
            call_as(&SHORT, &here, "7", effect.pay()),
        );
        assert!(matches!(asks, Err(IdempotencyError::InProgress)), "{asks:?}");
        assert!(matches!(joins, Err(IdempotencyError::InProgress)), "{joins:?}");
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(3), "{waited:?}");
    };
    tokio::select! {
        _ = owner => unreachable!("it never ends"),
        () = waits => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_its_own_key_from_inside_is_refused_at_once() {
    let store = MemoryStore::new();
    let begun = tokio::time::Instant::now();
    let outer = call(&store, "7", async {
        tokio::task::yield_now().await;
        let inner = call(&store, "7", async { Ok("inner".to_owned()) }).await;
        assert!(matches!(inner, Err(IdempotencyError::InProgress)), "{inner:?}");
        let other = call(&store, "8", async { Ok("other".to_owned()) }).await;
        other.expect("another key is free")
    })
    .await;
    assert_eq!(outer.expect("ran"), Ok("other".to_owned()));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let again = call(&store, "7", async { Ok("again".to_owned()) }).await;
    assert_eq!(again.expect("replayed"), Ok("other".to_owned()), "the mark is gone");
}

#[tokio::test]
async fn an_empty_argument_names_no_call() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let refused = call(&store, "", effect.pay()).await;
    assert!(matches!(refused, Err(IdempotencyError::EmptyKey)), "{refused:?}");
    assert_eq!((effect.times(), store.len()), (0, 0));
}

#[tokio::test]
async fn hostile_keys_are_bounded_and_told_apart() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    let long = "x".repeat(1 << 20);
    let longer = format!("{long}y");
    let hostile = [long.as_str(), &longer, "\0", "\0\0", "{}", "}{", "%", "a b", "é", "\u{202e}"];
    for order in hostile {
        call(&store, order, effect.pay()).await.expect("runs").expect("pays");
        let stored = PLAIN.stored_key(&key(order));
        assert!(stored.len() <= 512 && stored.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(store.peek(&stored).await.expect("answers").is_some());
    }
    assert_eq!(effect.times() as usize, hostile.len());
    for order in hostile {
        call(&store, order, effect.pay()).await.expect("is replayed").expect("pays");
    }
    assert_eq!(effect.times() as usize, hostile.len());
}

#[tokio::test]
async fn scopes_separate_equal_keys() {
    static LEFT: Spec = Spec::new("order_{order}", "tests::left").scope("left");
    static RIGHT: Spec = Spec::new("order_{order}", "tests::right").scope("right");
    let (store, effect) = (MemoryStore::new(), Effect::default());
    for spec in [&LEFT, &RIGHT, &PLAIN] {
        call_as(spec, &store, "7", effect.pay()).await.expect("runs").expect("pays");
    }
    assert_eq!(effect.times(), 3);
    assert_ne!(LEFT.idempotency_key(&key("7")), RIGHT.idempotency_key(&key("7")));
    assert_ne!(LEFT.idempotency_key(&key("7")), PLAIN.idempotency_key(&key("7")));
}

async fn pay_amount(
    store: &MemoryStore,
    amount: u64,
    body: impl Future<Output = Answer>,
) -> Result<Answer, IdempotencyError> {
    let fingerprint = Fingerprint::new().part(&amount);
    let body = async { ended(body.await) };
    run(&PLAIN, store, key("7"), Some(fingerprint), Replay::values(), body).await
}

#[tokio::test]
async fn another_payload_under_the_same_key_is_refused_and_changes_nothing() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    pay_amount(&store, 10, effect.pay()).await.expect("runs").expect("pays");
    let before = record(&store, "7").await;
    let reused = pay_amount(&store, 11, effect.pay()).await;
    assert!(matches!(reused, Err(IdempotencyError::KeyReused)), "{reused:?}");
    let after = record(&store, "7").await;
    let (before, after) = (before.expect("stored"), after.expect("stored"));
    assert_eq!((before.value, before.fence), (after.value, after.fence));
    let right = pay_amount(&store, 10, effect.pay()).await.expect("is replayed");
    assert_eq!(right, Ok("receipt 1".to_owned()));

    // At the same time as the right one.
    let store = MemoryStore::new();
    let (right, wrong) = tokio::join!(
        pay_amount(&store, 10, async {
            tokio::task::yield_now().await;
            effect.pay().await
        }),
        pay_amount(&store, 11, effect.pay()),
    );
    assert_eq!(right.expect("ran"), Ok("receipt 2".to_owned()));
    assert!(matches!(wrong, Err(IdempotencyError::KeyReused)), "{wrong:?}");
}

#[tokio::test]
async fn a_payload_that_cannot_be_serialized_is_refused() {
    struct Never;
    impl serde::Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let fingerprint = Some(Fingerprint::new().part(&Never));
    let body = async { ended(Ok("paid".to_owned())) };
    let answer =
        run(&PLAIN, &MemoryStore::new(), key("7"), fingerprint, Replay::values(), body).await;
    assert!(matches!(answer, Err(IdempotencyError::Fingerprint(_))), "{answer:?}");
}

#[tokio::test]
async fn an_option_is_stored_when_it_is_some() {
    let store = MemoryStore::new();
    let call = async |found: Option<u32>| {
        let body = async { Ended::new(found, None) };
        run(&PLAIN, &store, key("7"), None, Replay::values(), body).await.expect("an answer")
    };
    assert_eq!(call(None).await, None);
    assert_eq!(state(&store, "7").await, Some(RecordState::Released));
    assert_eq!(call(Some(3)).await, Some(3));
    assert_eq!(call(Some(4)).await, Some(3));
}

#[tokio::test]
async fn a_scope_has_a_default_store_of_its_own() {
    for _ in 0..2 {
        let scope = testing::scope();
        let effect = Effect::default();
        call(&default_store(), "7", effect.pay()).await.expect("runs").expect("pays");
        call(&default_store(), "7", effect.pay()).await.expect("is replayed").expect("pays");
        assert_eq!(effect.times(), 1);
        assert_eq!(results(&scope), ["ran", "replayed"]);
    }
}

#[tokio::test]
async fn delays_that_a_scope_skips_lose_no_lease() {
    let scope = testing::scope();
    let store = default_store();
    let answer = call(&store, "7", async {
        scope.advance(Duration::from_secs(3600));
        tokio::task::yield_now().await;
        Ok("paid".to_owned())
    });
    assert_eq!(answer.await.expect("ran"), Ok("paid".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn answers_are_forgotten_after_ttl() {
    static SHORT: Spec = Spec::new("order_{order}", "tests::ttl").ttl(Duration::from_secs(60));
    let (store, effect) = (MemoryStore::new(), Effect::default());
    call_as(&SHORT, &store, "7", effect.pay()).await.expect("runs").expect("pays");
    tokio::time::advance(Duration::from_secs(59)).await;
    call_as(&SHORT, &store, "7", effect.pay()).await.expect("is replayed").expect("pays");
    assert_eq!(effect.times(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    call_as(&SHORT, &store, "7", effect.pay()).await.expect("runs").expect("pays");
    assert_eq!(effect.times(), 2);
}

#[tokio::test]
async fn an_operator_decides_about_unknown_records() {
    let (store, effect) = (MemoryStore::new(), Effect::default());
    for order in ["7", "8"] {
        let _ = call(&store, order, async { Err(Failure::Timeout) }).await;
        let held = call(&store, order, effect.pay()).await;
        assert!(matches!(held, Err(IdempotencyError::Unknown { fence: 1 })), "{held:?}");
    }
    let pointed: Arc<dyn IdempotencyStore> = Arc::new(store.clone());
    let operator = Operator::of(&pointed);
    let unknowns = operator.unknowns(None, 10).await.expect("listed");
    assert_eq!(unknowns.len(), 2);
    assert_eq!(
        unknowns[0].note.as_deref(),
        Some("timeout: Timeout at https://host/pay"),
        "the note is redacted"
    );
    operator.resolve_done(&unknowns[0], 0, &"found".to_owned()).await.expect("resolved");
    operator.resolve_not_done(&unknowns[1]).await.expect("resolved");
    let found = call(&store, "7", effect.pay()).await.expect("is replayed");
    assert_eq!(found, Ok("found".to_owned()));
    let ran = call(&store, "8", effect.pay()).await.expect("runs");
    assert_eq!(ran, Ok("receipt 1".to_owned()));
    let done = operator.peek(&PLAIN.stored_key(&key("8"))).await.expect("answers").expect("there");
    assert_eq!(Operator::answer::<String>(&done, 0).expect("readable"), "receipt 1");
}

#[test]
fn the_future_is_send_if_the_body_is() {
    fn send<T: Send>(_: &T) {}
    let store = MemoryStore::new();
    let effect = Effect::default();
    send(&call(&store, "7", effect.pay()));
    let boxed: Box<dyn IdempotencyStore> = Box::new(MemoryStore::new());
    send(&run(&PLAIN, &boxed, Key::new().literal("k"), None, Replay::values(), async {
        ended(Ok(String::new()))
    }));
}
