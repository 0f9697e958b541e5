//! The breaker of an annotated function: what its attribute says, and the breaker that it shares
//! with others.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use super::keyed::Family;
use super::owner::Owner;
use super::pass::Pass;
use super::registry::Registered;
use super::{CircuitBreaker, CircuitOpen, Configuration};
use crate::shard;
use crate::time::nanos;

/// The breaker of one annotated function, as a `static` beside it. Functions that name the same
/// breaker share one: the name is looked up once, with the first call.
///
/// In a [test scope](crate::testing::scope) calls meet the scope's own copy of it.
///
/// ```
/// use retry_runtime::breaker::{Attached, CircuitBreaker};
///
/// static CHARGE: Attached = Attached::named(CircuitBreaker::new("docs-attached").failure_threshold(1));
/// static REFUND: Attached = Attached::named(CircuitBreaker::new("docs-attached").failure_threshold(1));
///
/// CHARGE.admit().unwrap().failure();
/// assert_eq!(REFUND.admit().unwrap_err().name, "docs-attached");
/// ```
pub struct Attached {
    what: What,
    /// Nanoseconds; 0 is no limit.
    limit: u64,
    found: OnceLock<Registered>,
    /// The same, where a call needs no more than a look at it.
    quick: OnceLock<&'static CircuitBreaker>,
}

enum What {
    Named(CircuitBreaker),
    Path(&'static CircuitBreaker),
    Keyed(Family),
}

impl Attached {
    /// The breaker of `own`'s name: the first that was registered with it, else `own` itself.
    #[must_use]
    pub const fn named(own: CircuitBreaker) -> Self {
        Self { what: What::Named(own), limit: 0, found: OnceLock::new(), quick: OnceLock::new() }
    }

    /// This very breaker, which is registered under its name.
    #[must_use]
    pub const fn of(path: &'static CircuitBreaker) -> Self {
        Self { what: What::Path(path), limit: 0, found: OnceLock::new(), quick: OnceLock::new() }
    }

    /// A breaker for each key, all of them under `own`'s name and with its settings, shared by name.
    ///
    /// At most `max_keys` of them are kept. When one more is needed, one that is idle goes: closed,
    /// without a call under way, and not used of late. Where none is idle, and for keys longer than
    /// 256 bytes, the calls share one more breaker.
    ///
    /// ```
    /// use retry_runtime::breaker::{self, Attached, CircuitBreaker};
    ///
    /// static B: Attached =
    ///     Attached::keyed(CircuitBreaker::new("docs-keyed").failure_threshold(1), 1024);
    ///
    /// B.admit_key("a.example").unwrap().failure();
    /// assert!(B.admit_key("a.example").is_err());
    /// assert!(B.admit_key("b.example").is_ok());
    /// assert_eq!(breaker::breaker("docs-keyed").unwrap().keys().len(), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// When `max_keys` is 0. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn keyed(own: CircuitBreaker, max_keys: u32) -> Self {
        assert!(max_keys >= 1, "`max_keys` must be at least 1");
        Self {
            what: What::Keyed(Family::new(own, max_keys)),
            limit: 0,
            found: OnceLock::new(),
            quick: OnceLock::new(),
        }
    }

    /// The longest that the function lets a call run, its attempt timeout. One that is given up
    /// after it counts as slow, and a probe has at least as long.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = nanos(limit);
        self
    }

    /// Leave for one call.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] when the call must not be made.
    #[inline]
    pub fn admit(&'static self) -> Result<Pass, CircuitOpen> {
        let slot = shard::slot();
        if slot < shard::SHARDS
            && let Some(breaker) = self.quick.get()
        {
            return Pass::quick(breaker, slot);
        }
        Pass::slowly(self.owner(""), self.limit)
    }

    /// Leave for one call of a key.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] when the call must not be made.
    pub fn admit_key(&'static self, key: &str) -> Result<Pass, CircuitOpen> {
        let slot = shard::slot();
        if slot < shard::SHARDS
            && let Some(Registered::Keyed(family)) = self.found.get()
            && let Some(near) = family.near(slot, key)
        {
            return Pass::of_key(Owner::Near(near), self.limit);
        }
        Pass::of_key(self.owner(key), self.limit)
    }

    /// [`Reported::until_half_open`](super::Reported::until_half_open) for who has no pass at hand.
    #[must_use]
    pub fn until_half_open(&'static self) -> Option<Duration> {
        self.owner("").until_half_open()
    }

    /// The same of a key.
    #[must_use]
    pub fn until_half_open_key(&'static self, key: &str) -> Option<Duration> {
        self.owner(key).until_half_open()
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.said().name
    }

    /// What the attribute says, whoever the breaker of that name is.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        match &self.what {
            What::Keyed(family) => family.configuration(),
            _ => self.said().configuration(),
        }
    }

    const fn said(&self) -> &CircuitBreaker {
        match &self.what {
            What::Named(own) => own,
            What::Path(path) => path,
            What::Keyed(family) => &family.template,
        }
    }

    /// Puts it under its name, which the first call does otherwise.
    pub fn register(&'static self) {
        self.found();
    }

    fn found(&'static self) -> Registered {
        if let Some(found) = self.found.get() {
            return *found;
        }
        // Not inside `get_or_init`: a conflict is logged, and what subscribes to the log may call
        // this very function.
        let found = match &self.what {
            What::Named(own) => Registered::One(own.register()),
            What::Path(path) => {
                path.register_itself();
                Registered::One(path)
            }
            What::Keyed(family) => Registered::Keyed(family.register()),
        };
        if let Registered::One(breaker) = found
            && self.limit == 0
            && breaker.settings.is_quick()
        {
            let _ = self.quick.set(breaker);
        }
        *self.found.get_or_init(|| found)
    }

    /// The breaker to ask: a scope's own, that of a key, or the one there is.
    #[cold]
    #[inline(never)]
    fn owner(&'static self, key: &str) -> Owner {
        // From the next call on this thread has a line of its own to count in.
        let _ = shard::shard();
        self.found().owner(key)
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached").field("name", &self.name()).finish_non_exhaustive()
    }
}
