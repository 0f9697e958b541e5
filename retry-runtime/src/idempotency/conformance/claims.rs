//! Who gets a key: laws 1, 2, 7 and the first half of 8.

use std::collections::HashSet;
use std::time::Duration;

use super::super::store::{ClaimRequest, Claimed, IdempotencyStore, OnUnknown, RecordState};
use super::law::{LONG, Run, broken, law, made, same};
use super::{join_all, lose};

pub(super) async fn a_free_key_is_owned<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("free");
    same(&run.peek(&key).await, &None, "the interface", "a key that nobody claimed has no record");
    let request = run.request(&key);
    match run.claim(request).await {
        Claimed::Owned { claim, was_unknown } => {
            same(&claim.fence, &1, "law 2", "the first fence of a key");
            law!(!was_unknown, "law 5", "a new record was not unknown before");
        }
        other => broken("law 1", &format!("a free key is owned, not {other:?}")),
    }
    match run.look(&key).await {
        Claimed::InFlight { fence: 1, left } => {
            law!(
                left <= LONG && left > LONG / 2,
                "law 3",
                "what is left of a lease of {LONG:?} is not {left:?}"
            );
        }
        other => broken("law 1", &format!("a held key is in flight for others, not {other:?}")),
    }
    let record = run.peek(&key).await;
    let Some(record) = record else { broken("the interface", "a held key has a record") };
    same(&record.state, &RecordState::InFlight, "the interface", "the state of a held key");
    same(
        &(record.fence, record.claims),
        &(1, 1),
        "the interface",
        "fence and claims of a held key",
    );
    same(&record.key, &key, "the interface", "a record knows its key");
}

pub(super) async fn one_of_many_owns<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("many");
    let answers = join_all((0..64).map(|_| run.look(&key))).await;
    let owners = answers.iter().filter(|answer| matches!(answer, Claimed::Owned { .. })).count();
    same(&owners, &1, "law 1", "owners among 64 who claim one key at once");
    let others = answers.iter().filter(|answer| matches!(answer, Claimed::InFlight { .. })).count();
    same(&others, &63, "law 1", "claims that found the key in flight");

    // The same among takers of an unknown record and of a released one.
    for name in ["many-unknown", "many-released"] {
        let key = run.key(name);
        let claim = run.own(run.request(&key)).await;
        if name == "many-unknown" {
            made(run.mark_unknown(&key, claim).await, "law 2", "the holder may write");
        } else {
            made(run.release(&key, claim).await, "law 2", "the holder may write");
        }
        let answers = join_all((0..16).map(|_| {
            let mut request = run.request(&key);
            request.on_unknown = OnUnknown::Take;
            run.claim(request)
        }))
        .await;
        let owners =
            answers.iter().filter(|answer| matches!(answer, Claimed::Owned { .. })).count();
        same(&owners, &1, "law 1", "owners among 16 who take one key over at once");
    }
}

/// Everything that a store could take for syntax.
fn hostile(run_prefix: &str) -> Vec<String> {
    let printable: String = (b' '..=b'~').map(char::from).collect();
    let mut names = vec![
        printable,
        "a".into(),
        "A".into(),
        "a ".into(),
        " a".into(),
        "a_".into(),
        "ab".into(),
        "a%".into(),
        "a*".into(),
        "a?".into(),
        "a[b]".into(),
        "{a}".into(),
        "{b}".into(),
        "{}".into(),
        "a:b".into(),
        "a::b".into(),
        "a\\".into(),
        "a'b".into(),
        "a\"b".into(),
        "a;--".into(),
        "$1".into(),
        "a/../b".into(),
        "%00".into(),
    ];
    let longest = 512 - run_prefix.len();
    names.push("x".repeat(longest));
    names.push(format!("{}y", "x".repeat(longest - 1)));
    names.push("x".repeat(longest - 1));
    names
}

pub(super) async fn keys_are_told_apart<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let keys: Vec<String> = hostile(run.prefix()).iter().map(|name| run.key(name)).collect();
    let mut claims = Vec::new();
    for key in &keys {
        match run.look(key).await {
            Claimed::Owned { claim, .. } => claims.push(claim),
            other => {
                broken("law 1", &format!("the key `{key}` was taken for another one: {other:?}"))
            }
        }
    }
    for (key, claim) in keys.iter().zip(&claims) {
        made(run.complete(key, *claim, key.as_bytes()).await, "law 2", "the holder may complete");
    }
    for key in &keys {
        let expected = Claimed::Done { value: key.clone().into_bytes() };
        same(&run.look(key).await, &expected, "law 6", "each key has its own answer");
    }
}

pub(super) async fn fences_grow<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("fences");
    let mut seen = HashSet::new();
    let mut last = 0;
    for round in 0..6_u32 {
        let claim = run.take_over(&key).await;
        law!(
            claim.fence > last && seen.insert(claim.fence),
            "law 2",
            "fences grow with every claim: {} came after {last}",
            claim.fence
        );
        last = claim.fence;
        let written = if round % 2 == 0 {
            run.release(&key, claim).await
        } else {
            run.mark_unknown(&key, claim).await
        };
        made(written, "law 2", "the holder may write");
        let fence = run.peek(&key).await.map(|record| record.fence);
        same(&fence, &Some(last), "law 2", "a record keeps the fence of its last claim");
    }
}

pub(super) async fn claims_are_counted<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("counted");
    for round in 1..=3 {
        let mut request = run.request(&key);
        request.max_claims = 3;
        let claim = run.own(request).await;
        let claims = run.peek(&key).await.map(|record| record.claims);
        same(&claims, &Some(round), "the interface", "claims of the record");
        made(run.release(&key, claim).await, "law 2", "the holder may release");
    }
    let mut request = run.request(&key);
    request.max_claims = 3;
    let answer = run.claim(request).await;
    same(
        &answer,
        &Claimed::TooOften { claims: 3 },
        "the interface",
        "the fourth claim of three that are allowed",
    );
    same(
        &run.state(&key).await,
        &Some(RecordState::Released),
        "the interface",
        "a claim that was refused changes nothing",
    );
    request.max_claims = 4;
    run.own(request).await;
}

fn fingerprinted<'k, S, P>(run: &Run<'_, S, P>, key: &'k str) -> ClaimRequest<'k>
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let mut request = run.request(key);
    request.fingerprint = Some([7; 32]);
    request.on_unknown = OnUnknown::Take;
    request
}

pub(super) async fn another_fingerprint_changes_nothing<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    const WORDS: &str = "a claim with another fingerprint is a mismatch";
    for state in
        [RecordState::InFlight, RecordState::Done, RecordState::Released, RecordState::Unknown]
    {
        let key = run.key(&format!("fingerprint-{state:?}"));
        let claim = run.own(fingerprinted(run, &key)).await;
        let written = match state {
            RecordState::Done => run.complete(&key, claim, b"first").await,
            RecordState::Released => run.release(&key, claim).await,
            RecordState::Unknown => run.mark_unknown(&key, claim).await,
            _ => run.renew(&key, claim, LONG).await,
        };
        made(written, "law 2", "the holder may write");
        let mut other = fingerprinted(run, &key);
        other.fingerprint = Some([8; 32]);
        same(&run.claim(other).await, &Claimed::Mismatch, "law 7", WORDS);
        let record = run.peek(&key).await.map(|record| (record.state, record.fence, record.claims));
        same(&record, &Some((state, 1, 1)), "law 7", "such a claim changes nothing");

        let again = run.claim(fingerprinted(run, &key)).await;
        let fits = match state {
            RecordState::InFlight => matches!(again, Claimed::InFlight { .. }),
            RecordState::Done => again == Claimed::Done { value: b"first".to_vec() },
            _ => matches!(again, Claimed::Owned { .. }),
        };
        law!(fits, "law 7", "the same fingerprint is no mismatch, and not {again:?}");
    }
}

pub(super) async fn a_claim_whose_answer_was_lost_may_be_repeated<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("claim-repeated");
    let request = run.request(&key);
    let first = run.own(request).await;
    match run.claim(request).await {
        Claimed::Owned { claim, .. } => {
            same(&claim, &first, "law 8", "the answer to a claim that is repeated");
        }
        other => broken("law 8", &format!("who holds a key and asks again has it, not {other:?}")),
    }
    let claims = run.peek(&key).await.map(|record| record.claims);
    same(&claims, &Some(1), "law 8", "claims of a record that one owner claimed twice");
    made(run.complete(&key, first, b"x").await, "law 8", "a repeated claim may complete");

    // The question itself may be lost, or its answer: nobody knows, and asking again is right.
    let key = run.key("claim-lost");
    let request = run.request(&key);
    lose(run.store.claim(request)).await;
    let claim = run.own(request).await;
    same(&claim.fence, &1, "law 8", "the fence of a claim whose first answer was lost");
    law!(
        matches!(run.look(&key).await, Claimed::InFlight { .. }),
        "law 1",
        "a key is held after its claim was repeated"
    );
}
