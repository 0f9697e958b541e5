//! Breakers by name.

use std::collections::BTreeMap;
use std::mem;
use std::ptr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::handle::{FamilyOwner, Handle, Target};
use super::keyed::Family;
use super::owner::Owner;
use super::{CircuitBreaker, Configuration};
use crate::testing;

/// The most names that are kept. Names come from source code; a program that passes this makes
/// them from data.
pub(crate) const MOST_NAMES: usize = 1024;

pub(super) struct Names(RwLock<Kept>);

struct Kept {
    breakers: BTreeMap<&'static str, Entry>,
    overflowed: bool,
}

struct Entry {
    registered: Registered,
    conflicting: bool,
}

static NAMES: Names = Names::new();

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Registered {
    One(&'static CircuitBreaker),
    Keyed(&'static Family),
}

impl Registered {
    fn template(self) -> &'static CircuitBreaker {
        match self {
            Self::One(breaker) => breaker,
            Self::Keyed(family) => &family.template,
        }
    }

    fn is(self, other: Self) -> bool {
        ptr::eq(self.template(), other.template())
    }

    /// Whether whoever says `other` can as well use this.
    pub(super) fn agrees_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(other)) => one.agrees_with(other),
            (Self::Keyed(one), Self::Keyed(other)) => one.agrees_with(other),
            _ => false,
        }
    }

    /// The first of the name, where `new` can be replaced by it.
    fn or(self, new: Self) -> Self {
        match (self, new) {
            (Self::One(_), Self::One(_)) | (Self::Keyed(_), Self::Keyed(_)) => self,
            _ => new,
        }
    }

    fn settings(self) -> Configuration {
        match self {
            Self::One(breaker) => breaker.configuration(),
            Self::Keyed(family) => family.configuration(),
        }
    }

    /// The breaker to ask: a test scope's own, or the one there is.
    pub(super) fn owner(self, key: &str) -> Owner {
        match self.target() {
            Target::One(owner) => owner,
            Target::Keyed(family) => family.of_key(key),
        }
    }

    pub(super) fn target(self) -> Target {
        match self {
            Self::One(breaker) => {
                Target::One(match testing::copy(breaker, CircuitBreaker::fresh) {
                    Some(copy) => Owner::Shared(copy),
                    None => Owner::Static(breaker),
                })
            }
            Self::Keyed(family) => Target::Keyed(match testing::copy(family, Family::fresh) {
                Some(copy) => FamilyOwner::Shared(copy),
                None => FamilyOwner::Static(family),
            }),
        }
    }
}

impl Names {
    pub(super) const fn new() -> Self {
        Self(RwLock::new(Kept { breakers: BTreeMap::new(), overflowed: false }))
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(all(test, not(loom)))]
    pub(super) fn len(&self) -> usize {
        self.read().breakers.len()
    }

    /// Puts `new` under its name and returns what is there.
    pub(super) fn put(
        &self,
        new: Registered,
        agrees: fn(Registered, Registered) -> bool,
    ) -> Registered {
        let name = new.template().name;
        {
            let names = self.read();
            if let Some(entry) = names.breakers.get(name)
                && (entry.conflicting || agrees(entry.registered, new))
            {
                return entry.registered.or(new);
            }
        }
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !names.breakers.contains_key(name) && names.breakers.len() >= MOST_NAMES {
            let first = !mem::replace(&mut names.overflowed, true);
            drop(names);
            if first {
                tracing::error!(
                    target: "steadfast::breaker",
                    breaker = name,
                    most = MOST_NAMES,
                    "too many names of circuit breakers; this one and later ones are not shared"
                );
            }
            return new;
        }
        let entry =
            names.breakers.entry(name).or_insert(Entry { registered: new, conflicting: false });
        let first = entry.registered;
        let conflict = !agrees(first, new) && !mem::replace(&mut entry.conflicting, true);
        // The subscriber is user code: no lock is held while it runs.
        drop(names);
        if conflict {
            tracing::error!(
                target: "steadfast::breaker",
                breaker = name,
                first = ?first.settings(),
                other = ?new.settings(),
                "two circuit breakers of this name differ; the first holds"
            );
        }
        first.or(new)
    }
}

impl CircuitBreaker {
    /// Puts it under its name and returns the breaker of that name: the first that was registered.
    ///
    /// One with other settings is not used, which is logged once as an error and stays listed in
    /// [`conflicts`]. Beyond 1024 names a breaker works unregistered, which is logged once, too.
    ///
    /// ```
    /// use retry_runtime::breaker::{self, CircuitBreaker};
    ///
    /// static PAYMENTS: CircuitBreaker = CircuitBreaker::new("docs-register");
    /// static AGAIN: CircuitBreaker = CircuitBreaker::new("docs-register");
    /// assert!(std::ptr::eq(PAYMENTS.register(), AGAIN.register()));
    /// assert!(breaker::breaker("docs-register").is_some());
    /// assert!(breaker::breaker("docs-nobody").is_none());
    /// ```
    #[must_use = "the breaker to use is the one returned"]
    pub fn register(&'static self) -> &'static CircuitBreaker {
        match NAMES.put(Registered::One(self), Registered::agrees_with) {
            Registered::One(breaker) => breaker,
            Registered::Keyed(_) => self,
        }
    }

    /// Puts it under its name. Another breaker that has the name already is a conflict, even with
    /// the same settings: whoever named this very static looks at its state.
    pub(super) fn register_itself(&'static self) {
        NAMES.put(Registered::One(self), Registered::is);
    }
}

impl Family {
    /// Puts it under its name and returns the first of that name.
    pub(super) fn register(&'static self) -> &'static Family {
        match NAMES.put(Registered::Keyed(self), Registered::agrees_with) {
            Registered::Keyed(family) => family,
            Registered::One(_) => self,
        }
    }
}

/// The breaker of this name, if one was [registered](CircuitBreaker::register): by hand, or by the
/// first call of a function that has it.
///
/// In a [test scope](crate::testing::scope) it is the scope's own copy.
///
/// ```
/// # use retry_runtime::breaker::{self, CircuitBreaker, State};
/// static B: CircuitBreaker = CircuitBreaker::new("docs-lookup");
/// let _ = B.register();
/// assert_eq!(breaker::breaker("docs-lookup").unwrap().state(), State::Closed);
/// ```
#[must_use]
pub fn breaker(name: &str) -> Option<Handle> {
    let registered = {
        let names = NAMES.read();
        names.breakers.get(name)?.registered
    };
    Some(Handle::new(registered.target()))
}

/// All registered breakers, by name. Those of one name with a key each are one entry.
///
/// ```
/// # use retry_runtime::breaker::{self, CircuitBreaker};
/// static B: CircuitBreaker = CircuitBreaker::new("docs-all");
/// let _ = B.register();
/// assert!(breaker::breakers().iter().any(|breaker| breaker.name() == "docs-all"));
/// ```
#[must_use]
pub fn breakers() -> Vec<Handle> {
    let registered: Vec<Registered> = {
        let names = NAMES.read();
        names.breakers.values().map(|entry| entry.registered).collect()
    };
    registered.into_iter().map(|registered| Handle::new(registered.target())).collect()
}

/// The names that were registered with different settings.
///
/// ```
/// # use retry_runtime::breaker::{self, CircuitBreaker};
/// static A: CircuitBreaker = CircuitBreaker::new("docs-conflict").failure_threshold(3);
/// static B: CircuitBreaker = CircuitBreaker::new("docs-conflict").failure_threshold(4);
/// let _ = (A.register(), B.register());
/// assert_eq!(breaker::conflicts(), ["docs-conflict"]);
/// ```
#[must_use]
pub fn conflicts() -> Vec<&'static str> {
    let names = NAMES.read();
    names.breakers.iter().filter(|(_, entry)| entry.conflicting).map(|(name, _)| *name).collect()
}
