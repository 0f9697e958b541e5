//! Concurrent histories of a store, and whether any order of their operations explains them.
//!
//! [`record`] has many tasks ask one store for few keys, and writes down when each operation was asked
//! and when it was answered. [`History::check`] then looks for an order that respects those times and
//! in which a sequential record gives the same answers (`search`); what such a record does is in
//! `model`, written from the laws of the store and not from any implementation.
//!
//! An operation that was dropped or failed may have been made or not, at any time after it was asked.

pub(crate) mod broken;
mod model;
mod recorder;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use steadfast::idempotency::{Claim, Claimed, Owner, RecordState, Written};

pub(crate) use self::recorder::{Plan, record};

/// What was asked. Values are numbers that are used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Claim { owner: Owner, lease: Duration, take: bool, fingerprint: Option<u8> },
    Renew { claim: Claim, lease: Duration },
    Complete { claim: Claim, value: u64 },
    Release { claim: Claim },
    MarkUnknown { claim: Claim },
    Resolve { fence: u64, done: Option<u64> },
    Peek,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Claimed(Claimed),
    Written(Written),
    Peeked(Option<(RecordState, u64)>),
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) key: String,
    pub(crate) ask: Ask,
    /// When it was asked, since the history began.
    pub(crate) asked: Duration,
    /// When it was answered and how; nothing, when nobody heard the answer.
    pub(crate) answer: Option<(Duration, Answer)>,
}

/// What was recorded.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    /// Whether the store asks again by itself when a connection broke, so that an answer may be that
    /// of the second time.
    pub(crate) repeats: bool,
}

impl History {
    /// Checks that some order explains the answers on every key, that no fence of a key had two
    /// owners, and that no key got two answers.
    ///
    /// # Errors
    ///
    /// The operations on the first key for which this is not so.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut keys: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in &self.events {
            keys.entry(&event.key).or_default().push(event);
        }
        for (key, mut events) in keys {
            events.sort_by_key(|event| event.asked);
            let told = |what: &str| {
                let lines: Vec<_> = events.iter().map(|event| format!("  {event:?}")).collect();
                format!("{what} on {key}:\n{}", lines.join("\n"))
            };
            one_owner_for_a_fence(&events).map_err(|what| told(&what))?;
            one_answer(&events).map_err(|what| told(&what))?;
            search::explain(&events, self.repeats).map_err(|what| told(&what))?;
        }
        Ok(())
    }

    /// Answers of a kind, to see that a history was worth checking.
    pub(crate) fn count(&self, kind: impl Fn(&Ask, Option<&Answer>) -> bool) -> usize {
        let answers = self.events.iter().map(|event| (&event.ask, event.answer.as_ref()));
        answers.filter(|(ask, answer)| kind(ask, answer.map(|(_, answer)| answer))).count()
    }

    /// Fails unless what can go wrong was there to go wrong.
    pub(crate) fn assert_is_worth_checking(&self) {
        let owned = |a: &Answer| matches!(a, Answer::Claimed(Claimed::Owned { .. }));
        let told = |kind: fn(&Ask, &Answer) -> bool| {
            self.count(|ask, answer| answer.is_some_and(|answer| kind(ask, answer)))
        };
        let kinds = [
            ("owned", self.count(|_, answer| answer.is_some_and(owned))),
            ("busy", told(|_, a| matches!(a, Answer::Claimed(Claimed::InFlight { .. })))),
            ("done", told(|_, a| matches!(a, Answer::Claimed(Claimed::Done { .. })))),
            ("unknown", told(|_, a| matches!(a, Answer::Claimed(Claimed::Unknown { .. })))),
            ("mismatch", told(|_, a| matches!(a, Answer::Claimed(Claimed::Mismatch)))),
            (
                "taken over",
                told(|_, a| matches!(a, Answer::Claimed(Claimed::Owned { was_unknown: true, .. }))),
            ),
            (
                "late completes",
                told(|ask, a| {
                    matches!(ask, Ask::Complete { .. })
                        && matches!(a, Answer::Written(Written::Lost { .. }))
                }),
            ),
            (
                "resolved",
                told(|ask, a| {
                    matches!(ask, Ask::Resolve { .. }) && *a == Answer::Written(Written::Made)
                }),
            ),
        ];
        for (kind, count) in kinds {
            assert!(count >= 10, "only {count} times {kind} of {kinds:?}");
        }
    }
}

fn one_owner_for_a_fence(events: &[&Event]) -> Result<(), String> {
    let mut owners = BTreeMap::new();
    for event in events {
        let Some((_, Answer::Claimed(Claimed::Owned { claim, .. }))) = &event.answer else {
            continue;
        };
        let first = *owners.entry(claim.fence).or_insert(claim.owner);
        if first != claim.owner {
            return Err(format!("two owners of fence {}", claim.fence));
        }
    }
    Ok(())
}

fn one_answer(events: &[&Event]) -> Result<(), String> {
    let mut claims = BTreeSet::new();
    let mut values = BTreeSet::new();
    for event in events {
        match (&event.ask, &event.answer) {
            (Ask::Complete { claim, .. }, Some((_, Answer::Written(Written::Made)))) => {
                claims.insert((claim.fence, claim.owner.0));
            }
            (_, Some((_, Answer::Claimed(Claimed::Done { value })))) => {
                values.insert(number(value));
            }
            _ => {}
        }
    }
    if claims.len() > 1 {
        Err(format!("several claims were completed {claims:?}"))
    } else if values.len() > 1 {
        Err(format!("several answers {values:?}"))
    } else {
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(u64::MAX, u64::from_le_bytes)
}
