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
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyStore, OnUnknown, Owner, RecordState, Resolution,
    StoreErrorKind, Written,
};

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

/// What happens in a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) tasks: u64,
    pub(crate) operations: u64,
    /// Keys in use at a time. One that is done is followed by another after a while.
    pub(crate) keys: u64,
    /// Owners pause for up to twice as long.
    pub(crate) lease: Duration,
    /// Operations in a thousand that are dropped before they are answered.
    pub(crate) dropped: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            tasks: 16,
            operations: 6_000,
            keys: 50,
            lease: Duration::from_millis(20),
            dropped: 30,
        }
    }
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

/// Numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        let count = among.len() as u64;
        (count > 0).then(|| usize::try_from(self.roll(count)).ok()).flatten().map(|at| &among[at])
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.roll(count) == 0
    }
}

/// What the tasks share.
struct Stage<S: ?Sized> {
    plan: Plan,
    begun: Instant,
    left: AtomicU64,
    numbers: AtomicU64,
    /// How often each key was replaced.
    turns: Vec<AtomicU64>,
    /// Claims of the past, for late writes.
    past: Mutex<Vec<(String, Claim)>>,
    events: Mutex<Vec<Event>>,
    store: Arc<S>,
}

/// Has tasks ask `store` until the plan is fulfilled.
///
/// # Panics
///
/// When the store refuses an operation or finds a record that it cannot read.
pub(crate) async fn record<S>(store: Arc<S>, plan: Plan) -> History
where
    S: IdempotencyStore + ?Sized + 'static,
{
    let stage = Arc::new(Stage {
        plan,
        begun: Instant::now(),
        left: AtomicU64::new(plan.operations),
        numbers: AtomicU64::new(1),
        turns: (0..plan.keys).map(|_| AtomicU64::new(0)).collect(),
        past: Mutex::default(),
        events: Mutex::default(),
        store,
    });
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..plan.tasks {
        let stage = Arc::clone(&stage);
        let mut dice = Dice(plan.seed.wrapping_mul(1_000_003).wrapping_add(task));
        tasks.spawn(async move {
            while stage.left.load(Relaxed) > 0 {
                stage.visit(&mut dice).await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("the store answers or is unavailable");
    }
    let events = std::mem::take(&mut *stage.events.lock().unwrap());
    History { events, repeats: false }
}

impl<S: IdempotencyStore + ?Sized + 'static> Stage<S> {
    /// One caller from its claim to whatever becomes of it.
    async fn visit(&self, dice: &mut Dice) {
        let slot = dice.roll(self.plan.keys);
        let turn = &self.turns[usize::try_from(slot).expect("few keys")];
        let seen = turn.load(Relaxed);
        let key = format!("key-{slot}-{seen}");
        if dice.one_in(12) {
            self.ask(dice, &key, Ask::Peek).await;
        }
        if dice.one_in(12) {
            self.come_late(dice).await;
        }
        let owner = Owner(u128::from(self.numbers.fetch_add(1, Relaxed)));
        let claim = Ask::Claim {
            owner,
            lease: self.plan.lease,
            take: dice.one_in(3),
            // Most callers of a key mean the same.
            fingerprint: Some(u8::from(dice.one_in(20))),
        };
        let mut answer = self.ask(dice, &key, claim).await;
        if answer.is_none() || dice.one_in(10) {
            answer = self.ask(dice, &key, claim).await.or(answer);
        }
        let Some(Answer::Claimed(answer)) = answer else { return };
        match answer {
            Claimed::Owned { claim, .. } => self.own(dice, &key, claim).await,
            Claimed::InFlight { .. } if dice.one_in(2) => self.pause(dice, self.plan.lease).await,
            Claimed::Unknown { fence } if dice.one_in(3) => {
                let done = dice.one_in(6).then(|| self.numbers.fetch_add(1, Relaxed));
                self.ask(dice, &key, Ask::Resolve { fence, done }).await;
            }
            Claimed::Done { .. } if dice.one_in(6) => {
                let _ = turn.compare_exchange(seen, seen + 1, Relaxed, Relaxed);
            }
            _ => {}
        }
    }

    async fn own(&self, dice: &mut Dice, key: &str, claim: Claim) {
        self.past.lock().unwrap().push((key.to_owned(), claim));
        if dice.one_in(2) {
            self.pause(dice, self.plan.lease / 4).await;
        }
        if dice.one_in(3) {
            self.ask(dice, key, Ask::Renew { claim, lease: self.plan.lease }).await;
        }
        // Its process hangs, and its lease ends or not.
        if dice.one_in(4) {
            self.pause(dice, self.plan.lease * 2).await;
        }
        let end = match dice.roll(10) {
            0..=1 => Ask::Complete { claim, value: self.numbers.fetch_add(1, Relaxed) },
            2..=5 => Ask::Release { claim },
            6..=7 => Ask::MarkUnknown { claim },
            // It dies.
            _ => return,
        };
        let answer = self.ask(dice, key, end).await;
        // Nobody heard the answer, or somebody asks once more.
        if answer.is_none() || dice.one_in(5) {
            self.ask(dice, key, end).await;
        }
    }

    /// A write of an owner whose time is over, or nearly.
    async fn come_late(&self, dice: &mut Dice) {
        let late = {
            let past = self.past.lock().unwrap();
            // Older ones only meet keys that nobody uses any more.
            dice.pick(&past[past.len().saturating_sub(30)..]).cloned()
        };
        let Some((key, claim)) = late else { return };
        let ask = match dice.roll(4) {
            0..=1 => Ask::Complete { claim, value: self.numbers.fetch_add(1, Relaxed) },
            2 => Ask::Release { claim },
            _ => Ask::Renew { claim, lease: self.plan.lease },
        };
        self.ask(dice, &key, ask).await;
    }

    async fn pause(&self, dice: &mut Dice, most: Duration) {
        let micros = dice.roll(u64::try_from(most.as_micros()).expect("short").max(1));
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    async fn ask(&self, dice: &mut Dice, key: &str, ask: Ask) -> Option<Answer> {
        let _ = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        let asked = self.begun.elapsed();
        let answer = if dice.roll(1000) < self.plan.dropped {
            let patience = Duration::from_micros(dice.roll(400));
            tokio::time::timeout(patience, self.send(key, ask)).await.ok().flatten()
        } else {
            let answer = self.send(key, ask).await;
            if answer.is_none() {
                // The store is away; to ask on and on would only fill the history.
                tokio::time::sleep(self.plan.lease * 2).await;
            }
            answer
        };
        let answered = self.begun.elapsed();
        let answer = answer.map(|answer| (answered, answer));
        self.events.lock().unwrap().push(Event {
            key: key.to_owned(),
            ask,
            asked,
            answer: answer.clone(),
        });
        answer.map(|(_, answer)| answer)
    }

    async fn send(&self, key: &str, ask: Ask) -> Option<Answer> {
        const TTL: Duration = Duration::from_secs(3600);

        let store = &*self.store;
        let answer = match ask {
            Ask::Claim { owner, lease, take, fingerprint } => {
                let mut request = ClaimRequest::new(key, owner);
                request.lease = lease;
                request.fingerprint = fingerprint.map(|byte| [byte; 32]);
                request.max_claims = u32::MAX;
                request.on_unknown = if take { OnUnknown::Take } else { OnUnknown::Hold };
                store.claim(request).await.map(Answer::Claimed)
            }
            Ask::Renew { claim, lease } => {
                store.renew(key, claim, lease).await.map(Answer::Written)
            }
            Ask::Complete { claim, value } => {
                let value = value.to_le_bytes();
                store.complete(key, claim, &value, TTL).await.map(Answer::Written)
            }
            Ask::Release { claim } => {
                store.release(key, claim, "released").await.map(Answer::Written)
            }
            Ask::MarkUnknown { claim } => {
                store.mark_unknown(key, claim, "marked").await.map(Answer::Written)
            }
            Ask::Resolve { fence, done } => {
                let resolution = done.map_or(Resolution::NotDone, |value| {
                    Resolution::Done(value.to_le_bytes().to_vec())
                });
                store.resolve(key, fence, resolution).await.map(Answer::Written)
            }
            Ask::Peek => {
                let record = store.peek(key).await;
                record.map(|record| Answer::Peeked(record.map(|found| (found.state, found.fence))))
            }
        };
        match answer {
            Ok(answer) => Some(answer),
            Err(error) if error.kind() == StoreErrorKind::Unavailable => None,
            Err(error) => panic!("{ask:?} on {key}: {error}"),
        }
    }
}
