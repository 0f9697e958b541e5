//! One breaker for each key under a name: found by key, bounded, the idle ones given up.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::events::Events;
use super::near::{Lists, Near, Places};
use super::owner::Owner;
use super::state::State;
use super::{CircuitBreaker, Configuration};
use crate::drivers::clock;
use crate::shard;

/// The longest key that gets a breaker of its own: a key may come from anywhere.
const LONGEST_KEY: usize = 256;
/// How many breakers are looked at, at most, to find one that can go: a call with a new key stays
/// cheap when all are in use. The search goes on where the last one ended.
const LOOKED_AT: usize = 32;

/// The breakers of one name.
pub(super) struct Family {
    /// Name and settings. Admits nobody itself.
    pub(super) template: CircuitBreaker,
    pub(super) max_keys: u32,
    /// What a call looks at.
    near: OnceLock<Box<Lists>>,
    /// All there is: locked where a thread meets a key for the first time.
    keys: Mutex<Keys>,
    /// What they share the telling of transitions with.
    events: OnceLock<Arc<Events>>,
}

struct Keys {
    by_key: BTreeMap<Arc<str>, usize>,
    slots: Vec<Slot>,
    /// Where the search for an idle one goes on.
    hand: usize,
    /// Shared by the keys that have none of their own.
    rest: Option<Arc<CircuitBreaker>>,
    forced: Option<State>,
}

pub(super) struct Slot {
    pub(super) key: Arc<str>,
    pub(super) breaker: Arc<CircuitBreaker>,
    /// Where it is near at hand.
    pub(super) places: Places,
}

impl Family {
    pub(super) const fn new(template: CircuitBreaker, max_keys: u32) -> Self {
        Self {
            template,
            max_keys,
            near: OnceLock::new(),
            keys: Mutex::new(Keys {
                by_key: BTreeMap::new(),
                slots: Vec::new(),
                hand: 0,
                rest: None,
                forced: None,
            }),
            events: OnceLock::new(),
        }
    }

    /// Another family of the same settings.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.template.fresh(), self.max_keys)
    }

    pub(super) fn configuration(&self) -> Configuration {
        Configuration { max_keys: Some(self.max_keys), ..self.template.configuration() }
    }

    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.max_keys == other.max_keys && self.template.agrees_with(&other.template)
    }

    pub(super) fn events(&self) -> &Arc<Events> {
        self.events.get_or_init(|| Arc::new(Events::new()))
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The breaker of a key, if it has one.
    pub(super) fn find(&self, key: &str) -> Option<Arc<CircuitBreaker>> {
        let keys = self.keys();
        let slot = keys.slots.get(*keys.by_key.get(key)?)?;
        Some(Arc::clone(&slot.breaker))
    }

    /// The breaker of a key for a call, where a thread of this shard had it already.
    #[inline]
    pub(super) fn near(&self, shard: usize, key: &str) -> Option<Arc<Near>> {
        let near = self.near.get()?.find(shard, key)?;
        // Written only when it changes, so that a busy key is only read.
        if !near.breaker.used.load(Relaxed) {
            near.breaker.used.store(true, Relaxed);
        }
        Some(near)
    }

    fn near_lists(&self) -> &Lists {
        self.near.get_or_init(|| Box::new(Lists::new()))
    }

    /// The breaker of a key for a call, made when it is new.
    pub(super) fn of_key(&self, key: &str) -> Owner {
        let shard = shard::shard();
        match self.near(shard, key) {
            Some(near) => Owner::Near(near),
            None => self.of_new_key(shard, key, clock::now().as_nanos()),
        }
    }

    #[cold]
    #[inline(never)]
    fn of_new_key(&self, shard: usize, key: &str, now: u64) -> Owner {
        let events = Arc::clone(self.events());
        let mut gone = None;
        let owner = {
            let mut keys = self.keys();
            let keys = &mut *keys;
            let index = match keys.by_key.get(key) {
                Some(index) => Some(*index),
                None => self.room(keys, key, now).inspect(|index| {
                    gone = self.add(keys, *index, key, Arc::clone(&events));
                }),
            };
            match index.and_then(|index| keys.slots.get_mut(index)) {
                Some(slot) => {
                    slot.breaker.used.store(true, Relaxed);
                    Owner::Near(self.near_lists().put(shard, slot))
                }
                None => {
                    let forced = keys.forced;
                    let rest = keys.rest.get_or_insert_with(|| self.make(None, forced, events));
                    Owner::Shared(Arc::clone(rest))
                }
            }
        };
        // What listens to a breaker is user code: it goes when no lock is held.
        drop(gone);
        owner
    }

    /// Where a new key can be put, if it can.
    fn room(&self, keys: &mut Keys, key: &str, now: u64) -> Option<usize> {
        match keys.slots.len() {
            _ if key.len() > LONGEST_KEY => None,
            full if full >= self.max_keys as usize => keys.idle(self.near_lists(), now),
            next => Some(next),
        }
    }

    /// Puts a new key there. Returns what was there before.
    fn add(&self, keys: &mut Keys, index: usize, key: &str, events: Arc<Events>) -> Option<Slot> {
        let key: Arc<str> = Arc::from(key);
        let breaker = self.make(Some(Arc::clone(&key)), keys.forced, events);
        let slot = Slot { key: Arc::clone(&key), breaker, places: Places::default() };
        keys.by_key.insert(key, index);
        match keys.slots.get_mut(index) {
            Some(old) => {
                let old = mem::replace(old, slot);
                keys.by_key.remove(&old.key);
                Some(old)
            }
            None => {
                keys.slots.push(slot);
                None
            }
        }
    }

    fn make(
        &self,
        key: Option<Arc<str>>,
        forced: Option<State>,
        events: Arc<Events>,
    ) -> Arc<CircuitBreaker> {
        let mut breaker = self.template.fresh();
        breaker.key = key;
        breaker.events.share(events);
        if let Some(state) = forced {
            breaker.begin_in(state);
        }
        Arc::new(breaker)
    }

    /// All of them: those of keys in the order of the keys, and the shared one.
    pub(super) fn all(&self) -> Vec<Arc<CircuitBreaker>> {
        let keys = self.keys();
        let of_keys = keys.by_key.values().filter_map(|index| keys.slots.get(*index));
        let of_keys = of_keys.map(|slot| &slot.breaker);
        of_keys.chain(&keys.rest).map(Arc::clone).collect()
    }

    /// Takes all of them to a state by hand, and those that are made later.
    pub(super) fn force(&self, state: State) {
        let now = clock::now().as_nanos();
        {
            let mut keys = self.keys();
            keys.forced = (state != State::Closed).then_some(state);
        }
        // Subscribers are user code: no lock is held while they run.
        for breaker in self.all() {
            breaker.force(state, now);
        }
    }

    pub(super) fn forced(&self) -> Option<State> {
        self.keys().forced
    }
}

impl Keys {
    /// One that can go: nobody holds it, nobody used it since the hand last passed, and nothing is
    /// lost with it.
    fn idle(&mut self, near: &Lists, now: u64) -> Option<usize> {
        for _ in 0..LOOKED_AT.min(2 * self.slots.len()) {
            let index = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = self.slots.get_mut(index)?;
            let used = slot.breaker.used.swap(false, Relaxed);
            let held = Arc::strong_count(&slot.breaker) > 1 + slot.places.count();
            if !used && !held && slot.breaker.is_idle(now) && near.remove(slot) {
                return Some(index);
            }
        }
        None
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("settings", &self.template.settings)
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}
