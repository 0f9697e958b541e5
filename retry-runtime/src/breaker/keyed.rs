//! One breaker for each key under a name: found by key, bounded, the idle ones given up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::events::Events;
use super::state::State;
use super::{CircuitBreaker, Configuration};
use crate::drivers::clock;

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
    keys: RwLock<Keys>,
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

struct Slot {
    breaker: Arc<CircuitBreaker>,
    /// Used since the hand last passed.
    used: AtomicBool,
}

impl Family {
    pub(super) const fn new(template: CircuitBreaker, max_keys: u32) -> Self {
        Self {
            template,
            max_keys,
            keys: RwLock::new(Keys {
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

    /// The breaker of a key, if it has one.
    pub(super) fn find(&self, key: &str) -> Option<Arc<CircuitBreaker>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let slot = keys.slots.get(*keys.by_key.get(key)?)?;
        Some(Arc::clone(&slot.breaker))
    }

    /// The breaker of a key, made when it is new.
    pub(super) fn of_key(&self, key: &str) -> Arc<CircuitBreaker> {
        {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = keys.by_key.get(key).and_then(|index| keys.slots.get(*index)) {
                // Written only when it changes, so that a busy key is only read.
                if !slot.used.load(Relaxed) {
                    slot.used.store(true, Relaxed);
                }
                return Arc::clone(&slot.breaker);
            }
        }
        self.of_new_key(key, clock::now().as_nanos())
    }

    #[cold]
    #[inline(never)]
    fn of_new_key(&self, key: &str, now: u64) -> Arc<CircuitBreaker> {
        let events = Arc::clone(self.events());
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let keys = &mut *keys;
        if let Some(slot) = keys.by_key.get(key).and_then(|index| keys.slots.get(*index)) {
            return Arc::clone(&slot.breaker);
        }
        let room = match keys.slots.len() {
            full if full >= self.max_keys as usize => keys.idle(now),
            next => Some(next),
        };
        let (Some(index), true) = (room, key.len() <= LONGEST_KEY) else {
            let forced = keys.forced;
            let rest = keys.rest.get_or_insert_with(|| self.make(None, forced, events));
            return Arc::clone(rest);
        };
        let key: Arc<str> = Arc::from(key);
        let breaker = self.make(Some(Arc::clone(&key)), keys.forced, events);
        let slot = Slot { breaker: Arc::clone(&breaker), used: AtomicBool::new(true) };
        match keys.slots.get_mut(index) {
            Some(old) => {
                let old = std::mem::replace(old, slot);
                if let Some(key) = &old.breaker.key {
                    keys.by_key.remove(key);
                }
            }
            None => keys.slots.push(slot),
        }
        keys.by_key.insert(key, index);
        breaker
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
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let of_keys = keys.by_key.values().filter_map(|index| keys.slots.get(*index));
        let of_keys = of_keys.map(|slot| &slot.breaker);
        of_keys.chain(&keys.rest).map(Arc::clone).collect()
    }

    /// Takes all of them to a state by hand, and those that are made later.
    pub(super) fn force(&self, state: State) {
        let now = clock::now().as_nanos();
        {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.forced = (state != State::Closed).then_some(state);
        }
        // Subscribers are user code: no lock is held while they run.
        for breaker in self.all() {
            breaker.force(state, now);
        }
    }

    pub(super) fn forced(&self) -> Option<State> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).forced
    }
}

impl Keys {
    /// One that can go: nobody holds it, nobody used it since the hand last passed, and nothing is
    /// lost with it.
    fn idle(&mut self, now: u64) -> Option<usize> {
        for _ in 0..LOOKED_AT.min(2 * self.slots.len()) {
            let index = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = self.slots.get_mut(index)?;
            let used = std::mem::take(slot.used.get_mut());
            if !used && Arc::strong_count(&slot.breaker) == 1 && slot.breaker.is_idle(now) {
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
