//! Budgets that functions share by name.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use super::{Allowance, RetryBudget};

/// The most names that are kept. Names come from source code; a program that passes this makes
/// them from data.
const MOST_NAMES: usize = 1024;

#[derive(Clone, Copy)]
struct Entry {
    budget: &'static RetryBudget,
    conflicting: bool,
}

struct Names {
    entries: BTreeMap<&'static str, Entry>,
    overflowed: bool,
}

static NAMES: RwLock<Names> = RwLock::new(Names { entries: BTreeMap::new(), overflowed: false });

/// The budget of a name: the first that was registered under it.
///
/// A later one with other settings is not used, which is logged once and stays listed in
/// [`conflicts`]. Beyond 1024 names a budget is not shared, which is logged once, too.
pub(crate) fn named(name: &'static str, own: &'static RetryBudget) -> &'static RetryBudget {
    {
        let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = names.entries.get(name)
            && (entry.conflicting || entry.budget.agrees_with(own))
        {
            return entry.budget;
        }
    }
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    if !names.entries.contains_key(name) && names.entries.len() >= MOST_NAMES {
        let first = !std::mem::replace(&mut names.overflowed, true);
        // The subscriber is user code: no lock is held while it runs.
        drop(names);
        if first {
            tracing::error!(
                target: "steadfast::retry",
                budget = name,
                most = MOST_NAMES,
                "too many names of retry budgets; this one and later ones are not shared"
            );
        }
        return own;
    }
    let entry = names.entries.entry(name).or_insert(Entry { budget: own, conflicting: false });
    let first = entry.budget;
    let new = !first.agrees_with(own) && !std::mem::replace(&mut entry.conflicting, true);
    drop(names);
    if new {
        tracing::error!(
            target: "steadfast::retry",
            budget = name, first = ?first, other = ?own,
            "two functions give the budget of this name different settings; the first holds"
        );
    }
    first
}

/// A budget that functions share by name: `budget(name = "payments", …)`.
///
/// ```
/// use retry_runtime::budget;
///
/// for shared in budget::budgets() {
///     println!("{}: {} of {} tokens", shared.name, shared.budget.tokens(), shared.budget.max_tokens());
///     assert!(!shared.conflicting, "{} has two settings", shared.name);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NamedBudget {
    /// The name.
    pub name: &'static str,
    /// The budget: the first that was registered under the name.
    pub budget: &'static RetryBudget,
    /// Another function gave the name other settings, which do not hold.
    pub conflicting: bool,
}

impl NamedBudget {
    /// What it allows functions with `max_attempts` attempts.
    #[must_use]
    pub fn allowance(&self, max_attempts: u32) -> Allowance {
        self.budget.allowance(max_attempts)
    }
}

/// All budgets that have a name, by name. A name is known once a call that says it has failed.
#[must_use]
pub fn budgets() -> Vec<NamedBudget> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    let listed = names.entries.iter();
    listed
        .map(|(&name, entry)| NamedBudget {
            name,
            budget: entry.budget,
            conflicting: entry.conflicting,
        })
        .collect()
}

/// The names that were given different settings.
#[must_use]
pub fn conflicts() -> Vec<&'static str> {
    budgets().into_iter().filter(|shared| shared.conflicting).map(|shared| shared.name).collect()
}
