//! What an annotated function is, as far as its attributes say: the part of an operation that nobody
//! asks while it runs, and everybody who lists it.

use std::time::Duration;

use crate::breaker::Attached;
use crate::opaque::Opaque;
use crate::operation::Operation;

/// What the attributes of a function say beside its policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Details {
    pub(crate) is_async: bool,
    /// The function's own; the one in use is the first that was registered under the name.
    pub(crate) breaker: Option<Opaque<Attached>>,
    pub(crate) key: Option<KeyFacts>,
    /// How the source calls the budget that it names by path.
    pub(crate) budget: Option<&'static str>,
}

impl Details {
    pub(crate) const NONE: Self = Self { is_async: false, breaker: None, key: None, budget: None };
}

/// What `#[idempotent]` says.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct KeyFacts {
    pub(crate) template: &'static str,
    pub(crate) scope: Option<&'static str>,
    pub(crate) version: Option<&'static str>,
    pub(crate) ttl: Duration,
    pub(crate) store: &'static str,
    pub(crate) in_memory: fn() -> bool,
}

impl KeyFacts {
    /// A key of this template whose results are kept for `ttl`, in the process-wide store.
    ///
    /// `in_memory` says whether that store is one process's memory, when somebody asks.
    pub const fn new(template: &'static str, ttl: Duration, in_memory: fn() -> bool) -> Self {
        Self { template, scope: None, version: None, ttl, store: "default", in_memory }
    }

    /// The same in a store that the source names: the text of the expression, and whether its type
    /// is a store in memory.
    pub const fn store(mut self, text: &'static str, in_memory: fn() -> bool) -> Self {
        (self.store, self.in_memory) = (text, in_memory);
        self
    }

    /// The same under a `scope`.
    pub const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The same under a `version`.
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }
}

/// The builder that expansions chain behind `Operation::new`.
impl Operation {
    /// The function is `async`, or returns a future.
    #[must_use]
    pub const fn asynchronous(mut self) -> Self {
        self.details.is_async = true;
        self
    }

    /// Its circuit breaker.
    #[must_use]
    pub const fn breaker(mut self, breaker: &'static Attached) -> Self {
        self.details.breaker = Some(Opaque::new(breaker));
        self
    }

    /// Its idempotency key.
    #[must_use]
    pub const fn key(mut self, key: KeyFacts) -> Self {
        self.details.key = Some(key);
        self
    }

    /// How the source calls the budget that it names by path: `PAYMENTS_BUDGET`.
    #[must_use]
    pub const fn budget_path(mut self, path: &'static str) -> Self {
        self.details.budget = Some(path);
        self
    }
}

/// A store that the source names is taken for one that is no process's memory.
#[must_use]
pub const fn elsewhere() -> bool {
    false
}
