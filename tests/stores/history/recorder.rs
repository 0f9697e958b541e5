//! Many callers of few keys, some of whom die, hang, come late or do not hear the answer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyStore, OnUnknown, Owner, Resolution, StoreErrorKind,
};

use super::{Answer, Ask, Event, History};

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

impl<S: IdempotencyStore + ?Sized> Stage<S> {
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
