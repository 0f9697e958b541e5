//! A breaker found by its name: what an operator holds.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use super::CircuitBreaker;
use super::events::{Events, Subscription, Transition};
use super::keyed::Family;
use super::owner::Owner;
use super::stream::Transitions;
use super::{Configuration, Snapshot, State};
use crate::drivers::clock;
use crate::key::Key;

/// The breaker of a name, or all the breakers of a name that has one for each key.
///
/// ```
/// use retry_runtime::breaker::{self, Attached, CircuitBreaker, State};
///
/// static B: Attached =
///     Attached::keyed(CircuitBreaker::new("docs-handle").failure_threshold(1), 1024);
///
/// B.admit_key("a.example").unwrap().failure();
/// B.admit_key("b.example").unwrap().success();
/// let handle = breaker::breaker("docs-handle").unwrap();
/// assert_eq!(handle.for_key("a.example").unwrap().state(), State::Open);
/// assert_eq!(handle.for_key("b.example").unwrap().state(), State::Closed);
/// assert_eq!(handle.snapshot().keys, Some(2));
/// handle.reset();
/// assert!(B.admit_key("a.example").is_ok());
/// ```
#[derive(Clone)]
pub struct Handle {
    target: Target,
}

#[derive(Clone)]
pub(super) enum Target {
    One(Owner),
    Keyed(FamilyOwner),
}

#[derive(Clone)]
pub(super) enum FamilyOwner {
    Static(&'static Family),
    Shared(Arc<Family>),
}

impl Deref for FamilyOwner {
    type Target = Family;

    fn deref(&self) -> &Family {
        match self {
            Self::Static(family) => family,
            Self::Shared(family) => family,
        }
    }
}

impl Handle {
    pub(super) fn new(target: Target) -> Self {
        Self { target }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.target {
            Target::One(breaker) => breaker.name,
            Target::Keyed(family) => family.template.name,
        }
    }

    /// The settings.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        match &self.target {
            Target::One(breaker) => breaker.configuration(),
            Target::Keyed(family) => family.configuration(),
        }
    }

    /// The state now. Of several breakers the one that rejects most: forced open, open, half-open,
    /// disabled, forced closed, closed.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.target {
            Target::One(breaker) => breaker.state(),
            Target::Keyed(family) => {
                let states = family.all().into_iter().map(|breaker| breaker.state());
                let worst = states.max_by_key(|state| *state as u8);
                worst.or(family.forced()).unwrap_or(State::Closed)
            }
        }
    }

    /// What it shows of itself now. Of several breakers: the state as [`state`](Self::state) has it,
    /// sums of calls, rejections and probes, the longest rest of a break, the most failures in a row.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match &self.target {
            Target::One(breaker) => breaker.snapshot(),
            Target::Keyed(family) => {
                let mut sum = Snapshot::nothing(family.template.name, self.state());
                let all = family.all();
                sum.keys = Some(all.iter().filter(|breaker| breaker.key.is_some()).count());
                let minimum = family.template.settings.minimum_calls();
                let now = clock::now();
                for breaker in &all {
                    sum.add(&breaker.snapshot_at(now), minimum);
                }
                sum
            }
        }
    }

    /// A snapshot of each key's breaker, in the order of the keys; one without a key is that of the
    /// keys which have none of their own. Empty where keys do not matter.
    #[must_use]
    pub fn keys(&self) -> Vec<Snapshot> {
        match &self.target {
            Target::One(_) => Vec::new(),
            Target::Keyed(family) => {
                let now = clock::now();
                family.all().iter().map(|breaker| breaker.snapshot_at(now)).collect()
            }
        }
    }

    /// The breaker of a key, if it has one at present.
    ///
    /// Takes the value alone where the key of the function is a single argument, `"{host}"`, and else
    /// the text that [`keys`](Self::keys) shows.
    #[must_use]
    pub fn for_key(&self, key: &str) -> Option<Self> {
        match &self.target {
            Target::One(_) => None,
            Target::Keyed(family) => {
                let found = family.find(key);
                let found = found.or_else(|| family.find(Key::new().part(key).as_str()));
                found.map(|breaker| Self::new(Target::One(Owner::Shared(breaker))))
            }
        }
    }

    /// Rejects everything until it is reset or forced otherwise. This and the following apply to
    /// every key, those included that are met later.
    pub fn force_open(&self) {
        self.force(State::ForcedOpen);
    }

    /// Admits everything until it is reset or forced otherwise; windows go on counting.
    pub fn force_closed(&self) {
        self.force(State::ForcedClosed);
    }

    /// Admits everything and counts nothing until it is reset or forced otherwise.
    pub fn disable(&self) {
        self.force(State::Disabled);
    }

    /// Closed, with nothing counted. Results of calls that are under way change nothing any more.
    pub fn reset(&self) {
        self.force(State::Closed);
    }

    fn force(&self, state: State) {
        match &self.target {
            Target::One(breaker) => breaker.force(state, clock::now().as_nanos()),
            Target::Keyed(family) => family.force(state),
        }
    }

    /// How long the circuit stays open, as [`CircuitBreaker::until_half_open`] says. Of several
    /// breakers: until the last one is.
    #[must_use]
    pub fn until_half_open(&self) -> Option<Duration> {
        match &self.target {
            Target::One(breaker) => breaker.until_half_open(),
            Target::Keyed(family) => {
                family.all().iter().filter_map(|breaker| breaker.until_half_open()).max()
            }
        }
    }

    /// Calls `callback` after every transition, as [`CircuitBreaker::subscribe`] does. Of several
    /// breakers it hears all, each in its own order, and may be called by two of them at once.
    pub fn subscribe(
        &self,
        callback: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Subscription<'static> {
        self.listen(Arc::new(callback))
    }

    /// The transitions from now on, as an async stream.
    #[must_use]
    pub fn transitions(&self) -> Transitions<'static> {
        Transitions::new(|callback| self.listen(callback))
    }

    fn listen(&self, callback: super::events::Callback) -> Subscription<'static> {
        match &self.target {
            Target::One(owner) => Subscription::of_owner(owner.clone(), callback),
            Target::Keyed(family) => {
                let events: Arc<Events> = Arc::clone(family.events());
                Subscription::of_family(events, callback)
            }
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
