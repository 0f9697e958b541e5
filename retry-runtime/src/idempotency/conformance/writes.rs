//! Who may write, and what stays: laws 2, 6 and the second half of 8.

use std::time::Duration;

use super::super::store::{Claim, Claimed, IdempotencyStore, Owner, RecordState, Written};
use super::law::{LONG, Run, law, lost, made, same};

pub(super) async fn a_done_record_answers_with_its_bytes<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let large: Vec<u8> =
        (0..1_usize << 20).map(|at| at.wrapping_mul(31).to_le_bytes()[0]).collect();
    let every: Vec<u8> = (0..=255).collect();
    for (name, value) in [("empty", Vec::new()), ("every-byte", every), ("large", large)] {
        let key = run.key(name);
        let request = run.request(&key);
        let claim = run.own(request).await;
        made(run.complete(&key, claim, &value).await, "law 6", "the holder may complete");
        for _ in 0..2 {
            match run.look(&key).await {
                Claimed::Done { value: found } => {
                    law!(
                        found == value,
                        "law 6",
                        "{} bytes were stored, and {} others came back",
                        value.len(),
                        found.len()
                    );
                }
                other => law!(false, "law 6", "a done record answers as done, not {other:?}"),
            }
        }
        law!(
            run.claim(request).await == (Claimed::Done { value: value.clone() }),
            "law 6",
            "the owner itself is answered as everybody is"
        );
        let record = run.peek(&key).await;
        law!(
            record.is_some_and(|record| record.state == RecordState::Done
                && record.value.as_ref() == Some(&value)
                && record.expires_in > LONG / 2),
            "law 6",
            "`peek` shows a done record, its value and when it expires"
        );
    }
}

pub(super) async fn only_the_holder_writes<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("holder");
    let claim = run.own(run.request(&key)).await;
    let strangers = [
        ("owner", Claim { owner: Owner(claim.owner.0 ^ 1), ..claim }),
        ("owner's upper half", Claim { owner: Owner(claim.owner.0 ^ (1 << 100)), ..claim }),
        ("fence", Claim { fence: claim.fence + 1, ..claim }),
    ];
    for (what, stranger) in strangers {
        let words = format!("a write with another {what} is lost");
        let writes = [
            run.complete(&key, stranger, b"stolen").await,
            run.release(&key, stranger).await,
            run.mark_unknown(&key, stranger).await,
            run.renew(&key, stranger, LONG).await,
        ];
        for written in writes {
            same(&written, &Written::Lost { fence: Some(claim.fence) }, "law 2", &words);
        }
        same(
            &run.state(&key).await,
            &Some(RecordState::InFlight),
            "law 2",
            "a write that is lost changes nothing",
        );
    }
    // What cannot be done in a destructor is not done; it must not be done for a stranger either.
    run.store.abandon(&key, Claim { fence: claim.fence + 1, ..claim });
    made(run.complete(&key, claim, b"own").await, "law 2", "the holder may still write");

    let nobodys = run.key("nobody");
    for written in [
        run.complete(&nobodys, claim, b"").await,
        run.release(&nobodys, claim).await,
        run.mark_unknown(&nobodys, claim).await,
        run.renew(&nobodys, claim, LONG).await,
    ] {
        same(&written, &Written::Lost { fence: None }, "law 2", "a write without a record is lost");
    }
    same(&run.peek(&nobodys).await, &None, "law 2", "a write that is lost makes no record");
}

pub(super) async fn a_settled_claim_writes_no_more<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    for settled in [RecordState::Done, RecordState::Released, RecordState::Unknown] {
        let key = run.key(&format!("settled-{settled:?}"));
        let claim = run.own(run.request(&key)).await;
        let written = match settled {
            RecordState::Done => run.complete(&key, claim, b"kept").await,
            RecordState::Released => run.release(&key, claim).await,
            _ => run.mark_unknown(&key, claim).await,
        };
        made(written, "law 2", "the holder may write");
        let words = format!("a record that is {settled:?} is not in flight, so a write is lost");
        if settled != RecordState::Done {
            lost(run.complete(&key, claim, b"late").await, "law 2", &words);
        }
        if settled != RecordState::Released {
            lost(run.release(&key, claim).await, "law 2", &words);
        }
        if settled != RecordState::Unknown {
            lost(run.mark_unknown(&key, claim).await, "law 2", &words);
        }
        lost(run.renew(&key, claim, LONG).await, "law 2", &words);
        run.store.abandon(&key, claim);
        same(&run.state(&key).await, &Some(settled), "law 2", "the state of a settled record");
    }
}

pub(super) async fn a_write_whose_answer_was_lost_may_be_repeated<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    const WORDS: &str = "a write that was made answers so when it is repeated";
    let key = run.key("repeated-complete");
    let claim = run.own(run.request(&key)).await;
    super::lose(run.store.complete(&key, claim, b"first", LONG)).await;
    made(run.complete(&key, claim, b"first").await, "law 8", WORDS);
    made(run.complete(&key, claim, b"second").await, "law 8", WORDS);
    let expected = Claimed::Done { value: b"first".to_vec() };
    same(&run.look(&key).await, &expected, "law 6", "the bytes of a completion made twice");

    let key = run.key("repeated-release");
    let claim = run.own(run.request(&key)).await;
    super::lose(run.store.release(&key, claim, "lost")).await;
    made(run.release(&key, claim).await, "law 8", WORDS);
    made(run.release(&key, claim).await, "law 8", WORDS);

    let key = run.key("repeated-unknown");
    let claim = run.own(run.request(&key)).await;
    super::lose(run.store.mark_unknown(&key, claim, "lost")).await;
    made(run.mark_unknown(&key, claim).await, "law 8", WORDS);
    made(run.mark_unknown(&key, claim).await, "law 8", WORDS);
    made(run.release(&key, run.take_over(&key).await).await, "law 2", "the holder may release");
    lost(run.mark_unknown(&key, claim).await, "law 2", "an old claim's write is not repeated");
}

pub(super) async fn a_released_key_may_be_claimed<S, P>(run: &Run<'_, S, P>)
where
    S: IdempotencyStore + ?Sized,
    P: AsyncFn(Duration),
{
    let key = run.key("released");
    let first = run.own(run.request(&key)).await;
    made(run.release(&key, first).await, "law 2", "the holder may release");
    let record = run.peek(&key).await;
    law!(
        record.is_some_and(|record| record.state == RecordState::Released
            && record.note.as_deref() == Some("timed out")),
        "the interface",
        "`peek` shows a released record and the note it was released with"
    );
    let request = run.request(&key);
    match run.claim(request).await {
        Claimed::Owned { claim, was_unknown } => {
            law!(!was_unknown, "law 5", "a released record was not unknown");
            lost(run.complete(&key, first, b"old").await, "law 2", "the first owner is over");
            lost(run.release(&key, first).await, "law 2", "the first owner's release is over");
            made(run.complete(&key, claim, b"new").await, "law 2", "the second owner holds it");
        }
        other => law!(false, "the interface", "a released key is free, not {other:?}"),
    }
    let expected = Claimed::Done { value: b"new".to_vec() };
    same(&run.look(&key).await, &expected, "law 6", "the answer of the second owner");
}
