//! Breakers by name.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::CircuitBreaker;

/// The most names that are kept. Names come from source code; a program that passes this makes
/// them from data.
pub(crate) const MOST_NAMES: usize = 1024;

struct Names {
    breakers: BTreeMap<&'static str, Entry>,
    overflowed: bool,
}

struct Entry {
    breaker: &'static CircuitBreaker,
    conflicting: bool,
}

static NAMES: RwLock<Names> = RwLock::new(Names { breakers: BTreeMap::new(), overflowed: false });

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
        {
            let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(entry) = names.breakers.get(self.name)
                && (entry.conflicting || entry.breaker.agrees_with(self))
            {
                return entry.breaker;
            }
        }
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        if !names.breakers.contains_key(self.name) && names.breakers.len() >= MOST_NAMES {
            let first = !std::mem::replace(&mut names.overflowed, true);
            drop(names);
            if first {
                tracing::error!(
                    target: "steadfast::breaker",
                    breaker = self.name,
                    most = MOST_NAMES,
                    "too many names of circuit breakers; this one and later ones are not shared"
                );
            }
            return self;
        }
        let entry =
            names.breakers.entry(self.name).or_insert(Entry { breaker: self, conflicting: false });
        let first = entry.breaker;
        let new = !first.agrees_with(self) && !std::mem::replace(&mut entry.conflicting, true);
        // The subscriber is user code: no lock is held while it runs.
        drop(names);
        if new {
            tracing::error!(
                target: "steadfast::breaker",
                breaker = self.name,
                first = ?first.settings,
                other = ?self.settings,
                "two circuit breakers of this name have different settings; the first holds"
            );
        }
        first
    }
}

/// The breaker of this name, if one was [registered](CircuitBreaker::register).
///
/// ```
/// # use retry_runtime::breaker::{self, CircuitBreaker, State};
/// static B: CircuitBreaker = CircuitBreaker::new("docs-lookup");
/// let _ = B.register();
/// assert_eq!(breaker::breaker("docs-lookup").unwrap().state(), State::Closed);
/// ```
#[must_use]
pub fn breaker(name: &str) -> Option<&'static CircuitBreaker> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.breakers.get(name).map(|entry| entry.breaker)
}

/// All registered breakers, by name.
///
/// ```
/// # use retry_runtime::breaker::{self, CircuitBreaker};
/// static B: CircuitBreaker = CircuitBreaker::new("docs-all");
/// let _ = B.register();
/// assert!(breaker::breakers().iter().any(|breaker| breaker.name() == "docs-all"));
/// ```
#[must_use]
pub fn breakers() -> Vec<&'static CircuitBreaker> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.breakers.values().map(|entry| entry.breaker).collect()
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
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.breakers.iter().filter(|(_, entry)| entry.conflicting).map(|(name, _)| *name).collect()
}

#[cfg(all(test, not(loom)))]
pub(super) fn names() -> usize {
    NAMES.read().unwrap_or_else(PoisonError::into_inner).breakers.len()
}
