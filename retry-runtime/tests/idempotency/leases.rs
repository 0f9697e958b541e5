//! Claims that are renewed, and claims that are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use retry_runtime::__private::Spec;
use retry_runtime::idempotency::{
    ClaimRequest, Claimed, IdempotencyError, IdempotencyStore, MemoryStore, OnUnknown, Owner,
    RecordState,
};

use crate::support::{Effect, Fault, PLAIN, Remote, call, call_as, key, record, state};

static GOES_ON: Spec = Spec::new("order_{order}", "tests::goes_on").continue_when_lease_lost();

/// Says whether it was dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_renewed_for_as_long_as_the_body_runs() {
    let records = MemoryStore::new();
    let (store, other) = (Remote::over(&records), Remote::over(&records));
    let effect = Effect::default();
    let owner = call(&store, "7", async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        effect.pay().await
    });
    let looks = async {
        for _ in 0..595 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(state(&records, "7").await, Some(RecordState::InFlight));
        }
        call(&other, "7", effect.pay()).await
    };
    let (owner, looked) = tokio::join!(owner, looks);
    assert_eq!(owner.expect("ran"), Ok("receipt 1".to_owned()));
    assert_eq!(looked.expect("waited"), Ok("receipt 1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again() {
    let store = Remote::new();
    store.spoil("renew", Fault::Down, 2);
    let answer = call(&store, "7", async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok("paid".to_owned())
    });
    assert_eq!(answer.await.expect("ran"), Ok("paid".to_owned()));
    assert_eq!(state(&store.records, "7").await, Some(RecordState::Done));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_renewed_is_lost_when_its_lease_ends() {
    for fault in [Fault::Down, Fault::Hangs] {
        let store = Remote::new();
        store.spoil("renew", fault, usize::MAX);
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(Arc::clone(&dropped));
        let begun = tokio::time::Instant::now();
        let lost = call(&store, "7", async move {
            let _guard = guard;
            std::future::pending().await
        })
        .await;
        assert!(
            matches!(lost, Err(IdempotencyError::LeaseLost { fence: 1, current: None })),
            "{lost:?}"
        );
        assert!(dropped.load(SeqCst), "the body was cut off");
        let after = begun.elapsed();
        assert!(
            after >= Duration::from_secs(28) && after <= Duration::from_secs(36),
            "{fault:?}: {after:?}"
        );
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(state(&store.records, "7").await, Some(RecordState::Unknown));
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_stopped_for_longer_than_its_lease_does_nothing_more() {
    let store = MemoryStore::new();
    let effect = Effect::default();
    let mut owner = Box::pin(call(&store, "7", async {
        tokio::task::yield_now().await;
        effect.pay().await
    }));
    // One poll, and then nobody polls it for longer than the lease.
    tokio::select! {
        biased;
        _ = &mut owner => unreachable!("it yields"),
        () = std::future::ready(()) => {}
    }
    tokio::time::advance(Duration::from_secs(31)).await;
    let mut request = ClaimRequest::new(key_text(), Owner(9));
    request.on_unknown = OnUnknown::Take;
    let taken = store.claim(request).await.expect("answers");
    let Claimed::Owned { claim, was_unknown: true } = taken else { panic!("{taken:?}") };
    assert_eq!(claim.fence, 2);
    let late = owner.await;
    assert!(matches!(late, Err(IdempotencyError::LeaseLost { fence: 1, .. })), "{late:?}");
    assert_eq!(effect.times(), 0);
    assert_eq!(record(&store, "7").await.expect("held").fence, 2, "the new owner is not disturbed");
}

fn key_text() -> &'static str {
    assert_eq!(PLAIN.stored_key(&key("7")), "order_{7}");
    "order_{7}"
}

#[tokio::test(start_paused = true)]
async fn a_stolen_claim_cuts_the_body_off_or_lets_it_go_on() {
    for (spec, goes_on) in [(&PLAIN, false), (&GOES_ON, true)] {
        let store = Remote::new();
        store.spoil("renew", Fault::Stolen, 1);
        store.spoil("complete", Fault::Stolen, 1);
        let effect = Effect::default();
        let ended = call_as(spec, &store, "7", async {
            tokio::time::sleep(Duration::from_secs(15)).await;
            effect.pay().await
        })
        .await;
        if goes_on {
            assert_eq!(ended.expect("its own answer"), Ok("receipt 1".to_owned()));
        } else {
            let expected =
                matches!(ended, Err(IdempotencyError::LeaseLost { fence: 1, current: Some(99) }));
            assert!(expected, "{ended:?}");
            assert_eq!(effect.times(), 0);
        }
        assert_eq!(state(&store.records, "7").await, Some(RecordState::InFlight), "not written");
    }
}

#[tokio::test]
async fn a_late_answer_is_rejected_by_the_fence() {
    let store = Remote::new();
    store.spoil("complete", Fault::Stolen, 1);
    let effect = Effect::default();
    let late = call(&store, "7", effect.pay()).await;
    assert!(
        matches!(late, Err(IdempotencyError::LeaseLost { fence: 1, current: Some(99) })),
        "{late:?}"
    );
    let store = Remote::new();
    store.spoil("complete", Fault::Stolen, 1);
    let late = call_as(&GOES_ON, &store, "7", effect.pay()).await;
    assert_eq!(late.expect("its own answer"), Ok("receipt 2".to_owned()));
}
