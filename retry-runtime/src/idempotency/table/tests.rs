//! The bounds of a table, at any `now`.

use std::time::Duration;

use super::{Swept, Table};
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, Owner, RecordState, StoreErrorKind, Written,
};
use crate::time::Timestamp;

const TTL: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn request(key: &str) -> ClaimRequest<'_> {
    let mut request = ClaimRequest::new(key, Owner(1));
    (request.ttl, request.lease) = (TTL, LEASE);
    request
}

fn own(table: &mut Table, key: &str, now: Timestamp) -> Claim {
    match table.claim(&request(key), now) {
        Ok(Claimed::Owned { claim, .. }) => claim,
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn a_full_table_refuses_a_claim_and_evicts_nothing() {
    let mut table = Table::new(3, usize::MAX);
    let done = own(&mut table, "done", at(0));
    table.complete("done", done, b"x", TTL, at(0)).expect("fits");
    own(&mut table, "held", at(1));
    own(&mut table, "also", at(1));
    let refused = table.claim(&request("more"), at(2)).expect_err("it is full");
    assert_eq!(refused.kind(), StoreErrorKind::Full);
    for key in ["done", "held", "also"] {
        assert!(table.peek(key, at(2)).is_some(), "{key} is still there");
    }
    // Known keys are answered all the same.
    assert!(matches!(table.claim(&request("done"), at(2)), Ok(Claimed::Done { .. })));
    // The done one expires first, and makes room.
    own(&mut table, "more", at(61));
    assert_eq!(table.len(), 3);
    assert!(table.peek("done", at(61)).is_none());
    assert_eq!(table.peek("held", at(61)).map(|record| record.state), Some(RecordState::Unknown));
}

#[test]
fn bytes_are_bounded_and_a_short_answer_always_fits() {
    let mut table = Table::new(usize::MAX, 1_000);
    let (one, two) = (own(&mut table, "1", at(0)), own(&mut table, "2", at(0)));
    assert_eq!(table.bytes(), 2 * (256 + 1));
    own(&mut table, "3", at(0));
    let refused = table.claim(&request("4"), at(0)).expect_err("257 more are too many");
    assert_eq!(refused.kind(), StoreErrorKind::Full);
    let large = table.complete("1", one, &[7; 600], TTL, at(0)).expect_err("344 more are too many");
    assert_eq!(large.kind(), StoreErrorKind::Full);
    assert_eq!(
        table.peek("1", at(0)).map(|record| record.state),
        Some(RecordState::InFlight),
        "a completion that does not fit changes nothing"
    );
    assert_eq!(table.complete("1", one, &[7; 256], TTL, at(0)).ok(), Some(Written::Made));
    assert_eq!(table.complete("2", two, &[7; 400], TTL, at(0)).ok(), Some(Written::Made));
    assert_eq!(table.bytes(), 257 + 401 + 257);
}

#[test]
fn sweeping_accounts_for_every_byte() {
    let mut table = Table::new(usize::MAX, usize::MAX);
    for number in 0..1_000_u64 {
        let key = number.to_string();
        let claim = own(&mut table, &key, at(number / 100));
        let now = at(number / 100);
        match number % 5 {
            0 => {
                let value = vec![0; usize::try_from(number).expect("small")];
                let ttl = Duration::from_secs(number % 7 + 1);
                table.complete(&key, claim, &value, ttl, now).expect("fits");
            }
            1 => assert_eq!(table.release(&key, claim, "note", now), Written::Made),
            2 => assert_eq!(table.mark_unknown(&key, claim, "note", now), Written::Made),
            3 => assert_eq!(table.renew(&key, claim, Duration::from_secs(99), now), Written::Made),
            _ => {}
        }
    }
    let mut left = table.len();
    for second in 0..400 {
        while let Swept::Removed(removed) = table.sweep(at(second), 16) {
            left -= usize::try_from(removed).expect("few");
        }
        assert_eq!(table.len(), left);
        for number in 0..1_000_u64 {
            // Nothing that lives is gone, and what has expired is.
            let key = number.to_string();
            let there = table.peek(&key, at(second)).is_some();
            assert_eq!(there, table.contains(&key), "{key} at {second}");
        }
    }
    assert_eq!((table.len(), table.bytes(), table.waiting()), (0, 0, 0));
}

#[test]
fn one_key_used_for_ever_leaves_nothing_behind() {
    let mut table = Table::new(10, 10_000);
    for round in 0..10_000 {
        let now = at(round * 100);
        let claim = own(&mut table, "k", now);
        table.complete("k", claim, b"x", TTL, now).expect("fits");
        assert!(table.waiting() <= 3, "{}", table.waiting());
    }
    assert_eq!(table.bytes(), 257);
}
