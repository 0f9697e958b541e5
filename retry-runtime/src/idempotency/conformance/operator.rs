//! What operators do: law 5, listing, resolving, sweeping.

use std::time::Duration;

use super::super::store::{Claimed, IdempotencyStore, RecordState, Resolution, Written};
use super::LEASE;
use super::law::{LONG, Run, answered, broken, law, lost, made, same};

pub(super) async fn an_unknown_record_stays<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("unknown");
    let claim = run.own(run.request(&key)).await;
    made(run.mark_unknown(&key, claim).await, "law 2", "the holder may write");
    for _ in 0..3 {
        let answer = run.look(&key).await;
        same(
            &answer,
            &Claimed::Unknown { fence: claim.fence },
            "law 5",
            "a claim that holds back leaves an unknown record unknown",
        );
    }
    lost(run.complete(&key, claim, b"late").await, "law 5", "its owner cannot complete it");
    lost(run.release(&key, claim).await, "law 5", "its owner cannot release it");
    lost(run.renew(&key, claim, LONG).await, "law 5", "its owner cannot renew it");
    run.sweep().await;
    let record = run.peek(&key).await;
    let Some(record) = record else {
        broken("law 5", "an unknown record was swept before its time")
    };
    same(&record.state, &RecordState::Unknown, "law 5", "an unknown record after all that");
    same(&record.note.as_deref(), &Some("reset"), "the interface", "the note of an unknown record");
}

pub(super) async fn unknowns_are_listed_in_pages<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    // Case and punctuation in the order of bytes, whatever the store's collation.
    let names = ["p-B", "p-a", "p-Z", "p-_", "p-a-b", "p-{x}"];
    let mut keys: Vec<String> = names.iter().map(|name| run.key(name)).collect();
    for key in &keys {
        let claim = run.own(run.request(key)).await;
        made(run.mark_unknown(key, claim).await, "law 2", "the holder may write");
    }
    let done = run.key("p-done");
    let claim = run.own(run.request(&done)).await;
    made(run.complete(&done, claim, b"x").await, "law 2", "the holder may write");
    let held = run.key("p-held");
    run.own(run.request(&held)).await;
    keys.sort_unstable();

    let first = run.key("p");
    let mut listed = Vec::new();
    let mut after = first.clone();
    loop {
        let page = answered(run.store.unknowns(Some(&after), 2).await, "unknowns");
        law!(page.len() <= 2, "the interface", "a page of 2 held {} records", page.len());
        let Some(last) = page.last() else { break };
        law!(last.key > after, "the interface", "a page begins behind the last one");
        after.clone_from(&last.key);
        let ours = page.iter().filter(|record| record.key.starts_with(&first));
        listed.extend(ours.map(|record| (record.key.clone(), record.state)));
        if !after.starts_with(&first) {
            break;
        }
    }
    let expected: Vec<_> = keys.iter().map(|key| (key.clone(), RecordState::Unknown)).collect();
    same(
        &listed,
        &expected,
        "the interface",
        "unknown records, page by page, in the order of bytes",
    );
    let all = answered(run.store.unknowns(None, 1).await, "unknowns");
    same(&all.len(), &1, "the interface", "a page of one record from the start");
}

pub(super) async fn unknowns_are_resolved<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let resolve = async |key: &str, fence: u64, resolution: Resolution| {
        answered(run.store.resolve(key, fence, resolution).await, "resolve")
    };
    for over in [false, true] {
        let (done, not_done) = (run.key(&format!("r-{over}")), run.key(&format!("n-{over}")));
        let mut fences = Vec::new();
        for key in [&done, &not_done] {
            let mut request = run.request(key);
            request.max_claims = 1;
            request.lease = if over { LEASE } else { LONG };
            let claim = run.own(request).await;
            let written = resolve(key, claim.fence, Resolution::NotDone).await;
            lost(written, "law 5", "a record in flight is not resolved");
            if !over {
                made(run.mark_unknown(key, claim).await, "law 2", "the holder may write");
            }
            fences.push(claim.fence);
        }
        if over {
            run.pass(LEASE).await;
        }
        let other = resolve(&done, fences[0] + 1, Resolution::NotDone).await;
        same(
            &other,
            &Written::Lost { fence: Some(fences[0]) },
            "law 5",
            "a resolution with another fence",
        );
        let state = run.state(&done).await;
        same(&state, &Some(RecordState::Unknown), "law 5", "a resolution that is lost");

        let written = resolve(&done, fences[0], Resolution::Done(b"paid".to_vec())).await;
        made(written, "law 5", "an unknown record is resolved as done");
        let expected = Claimed::Done { value: b"paid".to_vec() };
        same(&run.look(&done).await, &expected, "law 5", "the answer of a resolved record");
        let again = resolve(&done, fences[0], Resolution::NotDone).await;
        lost(again, "law 6", "a done record is not resolved");
        same(&run.look(&done).await, &expected, "law 6", "the answer of a resolved record");

        let written = resolve(&not_done, fences[1], Resolution::NotDone).await;
        made(written, "law 5", "an unknown record is resolved as not done");
        let mut request = run.request(&not_done);
        request.max_claims = 1;
        let claim = run.own(request).await;
        made(run.complete(&not_done, claim, b"ran").await, "law 5", "it may run after that");
    }
    let nobodys = run.key("r-nobody");
    let written = resolve(&nobodys, 1, Resolution::Done(Vec::new())).await;
    same(&written, &Written::Lost { fence: None }, "law 5", "a resolution without a record");
    same(&run.peek(&nobodys).await, &None, "law 5", "a resolution makes no record");
}

pub(super) async fn sweeping_takes_what_has_expired_alone<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let states =
        [RecordState::InFlight, RecordState::Done, RecordState::Released, RecordState::Unknown];
    let mut kept = Vec::new();
    let mut expired = Vec::new();
    for state in states {
        for (ttl, keys) in [(LONG, &mut kept), (LEASE, &mut expired)] {
            let key = run.key(&format!("swept-{state:?}-{}", ttl.as_millis()));
            let mut request = run.request(&key);
            request.ttl = ttl;
            // A claim that nobody answers is unknown for its time, and then expired.
            request.lease = if ttl == LEASE { LEASE / 3 } else { LONG };
            let claim = run.own(request).await;
            match state {
                RecordState::Done => {
                    let written = run.store.complete(&key, claim, b"x", ttl).await;
                    made(answered(written, "complete"), "law 2", "the holder may complete");
                }
                RecordState::Released => {
                    made(run.release(&key, claim).await, "law 2", "the holder may release");
                }
                RecordState::Unknown => {
                    made(run.mark_unknown(&key, claim).await, "law 2", "the holder may write");
                }
                _ => {}
            }
            keys.push((key, state));
        }
    }
    run.sweep().await;
    run.pass(LEASE + LEASE / 3).await;
    let mut sweeps = 0;
    while run.sweep().await > 0 {
        sweeps += 1;
        law!(sweeps < 10_000, "the interface", "sweeping comes to an end");
    }
    for (key, state) in kept {
        let found = run.state(&key).await;
        same(&found, &Some(state), "law 5", "a record whose time has not come, after a sweep");
    }
    for (key, _) in expired {
        same(&run.peek(&key).await, &None, "the interface", "an expired record after a sweep");
        run.own(run.request(&key)).await;
    }
}

pub(super) async fn handles_see_the_same_records<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    law!(!run.store.name().is_empty(), "the interface", "a store has a name");
    let Some(handle) = run.store.handle() else { return };
    same(&handle.identity(), &run.store.identity(), "the interface", "the identity of a handle");
    same(&handle.guarantees(), &run.store.guarantees(), "the interface", "what a handle survives");
    let key = run.key("handle");
    let claim = run.own(run.request(&key)).await;
    let written = answered(handle.complete(&key, claim, b"by handle", LONG).await, "complete");
    made(written, "the interface", "a handle writes the records of its store");
    let expected = Claimed::Done { value: b"by handle".to_vec() };
    same(&run.look(&key).await, &expected, "the interface", "what a handle wrote");
}
