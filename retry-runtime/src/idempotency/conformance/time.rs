//! What passing time does: laws 3, 4 and the end of a record.

use std::time::Duration;

use super::super::store::{Claimed, IdempotencyStore, RecordState, Written};
use super::LEASE;
use super::law::{LONG, Run, law, lost, made, same};

pub(super) async fn a_lease_that_is_over_leaves_unknown<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    // Each is looked at by somebody else first: whoever looks sees the same.
    let keys = ["over-claim", "over-peek", "over-list", "over-complete", "over-renew"];
    let keys = keys.map(|name| run.key(name));
    let mut claims = Vec::new();
    for key in &keys {
        let mut request = run.request(key);
        request.lease = LEASE;
        claims.push(run.own(request).await);
    }
    run.pass(LEASE).await;
    let [claimed, peeked, listed, completed, renewed] = &keys;
    let answer = run.look(claimed).await;
    same(&answer, &Claimed::Unknown { fence: 1 }, "law 4", "a claim after the lease was over");
    let state = run.state(peeked).await;
    same(&state, &Some(RecordState::Unknown), "law 4", "`peek` after the lease was over");
    let unknowns = run.store.unknowns(Some(run.prefix()), 1000).await.unwrap_or_default();
    law!(
        unknowns.iter().any(|record| record.key == *listed),
        "law 4",
        "`unknowns` lists a record whose lease is over and that nobody has looked at"
    );
    let words = "a write after the lease was over is lost";
    lost(run.complete(completed, claims[3], b"late").await, "law 4", words);
    lost(run.renew(renewed, claims[4], LONG).await, "law 4", words);
    lost(run.release(claimed, claims[0]).await, "law 4", words);
    for key in &keys {
        let state = run.state(key).await;
        same(&state, &Some(RecordState::Unknown), "law 4", "a record whose lease is over");
    }
}

pub(super) async fn a_renewed_lease_holds<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let (longer, again) = (run.key("renewed"), run.key("renewed-again"));
    let mut request = run.request(&longer);
    request.lease = LEASE;
    let claim = run.own(request).await;
    let mut request = run.request(&again);
    request.lease = LEASE;
    let other = run.own(request).await;
    made(run.renew(&longer, claim, LONG).await, "law 2", "the holder may renew");
    made(run.renew(&again, other, LEASE).await, "law 2", "the holder may renew");
    run.pass(LEASE).await;
    law!(
        matches!(run.look(&longer).await, Claimed::InFlight { left, .. } if left > LONG / 2),
        "law 3",
        "a renewed lease ends so long after the renewal"
    );
    let answer = run.look(&again).await;
    same(
        &answer,
        &Claimed::Unknown { fence: 1 },
        "law 4",
        "a claim after a renewed lease was over",
    );
    made(run.complete(&longer, claim, b"done").await, "law 2", "who renewed in time may complete");
}

pub(super) async fn a_stale_owner_changes_nothing<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("stale");
    let mut request = run.request(&key);
    request.lease = LEASE;
    let stale = run.own(request).await;
    run.pass(LEASE).await;
    let mut request = run.request(&key);
    request.on_unknown = super::super::store::OnUnknown::Take;
    let answer = run.claim(request).await;
    let Claimed::Owned { claim: new, was_unknown } = answer else {
        super::law::broken("law 5", &format!("an unknown record may be taken, not {answer:?}"))
    };
    law!(was_unknown, "law 5", "a taker is told that the record was unknown");
    law!(new.fence > stale.fence, "law 2", "a taker has a higher fence than the stale owner");
    let expected = Written::Lost { fence: Some(new.fence) };
    let words = "a stale owner is told the fence that the record has now";
    run.store.abandon(&key, stale);
    same(&run.renew(&key, stale, LONG).await, &expected, "law 2", words);
    same(&run.complete(&key, stale, b"stale").await, &expected, "law 2", words);
    same(&run.mark_unknown(&key, stale).await, &expected, "law 2", words);
    same(&run.release(&key, stale).await, &expected, "law 2", words);
    made(run.complete(&key, new, b"new").await, "law 2", "the new owner holds the key");
    same(&run.complete(&key, stale, b"stale").await, &expected, "law 2", words);
    let expected = Claimed::Done { value: b"new".to_vec() };
    same(&run.look(&key).await, &expected, "law 2", "the answer after a take-over");
}

pub(super) async fn records_expire<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let done = run.key("expires-done");
    let claim = run.own(run.request(&done)).await;
    let written = run.store.complete(&done, claim, b"short", LEASE).await;
    made(super::law::answered(written, "complete"), "law 2", "the holder may complete");

    // The record's time begins when it is settled, and the answer's is that of the completion.
    let kept = run.key("expires-late");
    let mut request = run.request(&kept);
    request.ttl = LEASE;
    let late = run.own(request).await;

    let released = run.key("expires-released");
    let mut request = run.request(&released);
    request.ttl = LEASE;
    let claim = run.own(request).await;
    made(run.release(&released, claim).await, "law 2", "the holder may release");

    let unknown = run.key("expires-unknown");
    let mut request = run.request(&unknown);
    request.ttl = LEASE;
    let claim = run.own(request).await;
    made(run.mark_unknown(&unknown, claim).await, "law 2", "the holder may write");

    let over = run.key("expires-over");
    let mut request = run.request(&over);
    (request.lease, request.ttl) = (LEASE, LEASE * 3);
    run.own(request).await;

    let expected = Claimed::Done { value: b"short".to_vec() };
    same(&run.look(&done).await, &expected, "law 6", "a done record before it expires");
    run.pass(LEASE).await;
    for key in [&done, &released, &unknown] {
        same(&run.peek(key).await, &None, "law 6", "a record after its time");
        let mut request = run.request(key);
        request.fingerprint = Some([9; 32]);
        request.max_claims = 1;
        run.own(request).await;
    }
    let state = run.state(&over).await;
    same(
        &state,
        &Some(RecordState::Unknown),
        "law 5",
        "the time of an unknown record begins when its lease ends",
    );
    made(run.complete(&kept, late, b"kept").await, "law 2", "a held record does not expire");
    run.pass(LEASE * 3).await;
    same(&run.peek(&over).await, &None, "law 5", "an unknown record after its time");
    let expected = Claimed::Done { value: b"kept".to_vec() };
    same(&run.look(&kept).await, &expected, "law 6", "a record completed with a longer time");
}
