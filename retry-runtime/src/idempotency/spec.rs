//! The settings of one `#[idempotent]` function as a constant value.

use std::time::Duration;

use super::events::Of;
use super::name;
use crate::idempotency_key::IdempotencyKey;
use crate::key::Key;
use crate::operation::Operation;

/// Claims of one key before it is refused: a payload that fails for ever is not tried for ever.
pub(super) const MAX_CLAIMS: u32 = 100;

/// What a call does about a record that nobody knows the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownPolicy {
    Hold,
    Rerun,
    Reconcile,
}

/// What `#[idempotent]` says, as generated code builds it. Wrong settings panic in const evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub(super) template: &'static str,
    pub(super) operation: Of,
    pub(super) scope: Option<&'static str>,
    pub(super) ttl: Duration,
    pub(super) lease: Duration,
    pub(super) wait: Duration,
    pub(super) version: u32,
    pub(super) on_unknown: UnknownPolicy,
    pub(super) run_when_store_down: bool,
    pub(super) continue_when_lease_lost: bool,
    pub(super) keyed: bool,
}

/// The longest `ttl` and `lease`: beyond any record's use, and within what every store can count.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Spec {
    /// How long a record is kept, unless `ttl` says otherwise.
    pub const TTL: Duration = Duration::from_secs(24 * 60 * 60);
    /// How long a claim holds without being renewed, unless `lease` says otherwise. It is renewed
    /// three times in that time.
    pub const LEASE: Duration = Duration::from_secs(30);
    /// How long a duplicate waits for the owner, unless `wait` says otherwise.
    pub const WAIT: Duration = Duration::from_secs(10);

    /// The defaults for the key `template` of the function `operation`.
    ///
    /// # Panics
    ///
    /// When the template is empty.
    #[must_use]
    pub const fn new(template: &'static str, operation: &'static str) -> Self {
        assert!(!template.is_empty(), "`key` is empty, so that every call would be the same one");
        Self {
            template,
            operation: Of { name: operation, counted: None },
            scope: None,
            ttl: Self::TTL,
            lease: Self::LEASE,
            wait: Self::WAIT,
            version: 0,
            on_unknown: UnknownPolicy::Hold,
            run_when_store_down: false,
            continue_when_lease_lost: false,
            keyed: false,
        }
    }

    /// Counts what becomes of the calls with the rest of what is counted of the function.
    #[must_use]
    pub const fn counted(mut self, operation: &'static Operation) -> Self {
        self.operation.counted = Some(operation);
        self
    }

    /// Separates equal keys of different functions.
    ///
    /// # Panics
    ///
    /// When it is empty.
    #[must_use]
    pub const fn scope(mut self, scope: &'static str) -> Self {
        assert!(!scope.is_empty(), "`scope` is empty");
        self.scope = Some(scope);
        self
    }

    /// How long a settled record is kept.
    ///
    /// # Panics
    ///
    /// When it is zero or longer than a hundred years.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "`ttl` is zero, so that nothing would ever be replayed");
        assert!(ttl.as_secs() <= LONGEST.as_secs(), "`ttl` is longer than a hundred years");
        self.ttl = ttl;
        self
    }

    /// How long a claim holds without being renewed.
    ///
    /// # Panics
    ///
    /// When it is shorter than 30 ms, which no renewal can keep up with, or longer than a hundred
    /// years.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        assert!(lease.as_millis() >= 30, "`lease` is shorter than 30 ms and could not be renewed");
        assert!(lease.as_secs() <= LONGEST.as_secs(), "`lease` is longer than a hundred years");
        self.lease = lease;
        self
    }

    /// How long a duplicate waits for the owner; zero does not wait.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The version of what is stored: a record of another one is not read.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// An unknown record is left to an operator. The default.
    #[must_use]
    pub const fn hold_unknown(mut self) -> Self {
        self.on_unknown = UnknownPolicy::Hold;
        self
    }

    /// An unknown record is run again.
    #[must_use]
    pub const fn rerun_unknown(mut self) -> Self {
        self.on_unknown = UnknownPolicy::Rerun;
        self
    }

    /// A function finds out what became of an unknown record.
    #[must_use]
    pub const fn reconcile_unknown(mut self) -> Self {
        self.on_unknown = UnknownPolicy::Reconcile;
        self
    }

    /// The body runs unguarded when the store cannot be asked.
    #[must_use]
    pub const fn run_when_store_down(mut self) -> Self {
        self.run_when_store_down = true;
        self
    }

    /// The body runs to its end when its claim was lost.
    #[must_use]
    pub const fn continue_when_lease_lost(mut self) -> Self {
        self.continue_when_lease_lost = true;
        self
    }

    /// The body hands its key on: a failure that may have had an effect may be tried again.
    #[must_use]
    pub const fn replay_keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// A failure that may have had an effect leaves the record unknown. The default.
    #[must_use]
    pub const fn replay_unsent(mut self) -> Self {
        self.keyed = false;
        self
    }

    /// The key as it is handed downstream.
    #[must_use]
    pub fn idempotency_key(&self, key: &Key) -> IdempotencyKey {
        name::handed(&name::full(self.scope, key))
    }

    /// The template of the key, as it was written.
    #[must_use]
    pub const fn template(&self) -> &'static str {
        self.template
    }

    /// The function.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.operation.name
    }

    /// The scope, if one was said.
    #[must_use]
    pub const fn scope_name(&self) -> Option<&'static str> {
        self.scope
    }

    /// Whether a failure that is `class` may have had its effect all the same.
    pub(super) fn leaves_unknown(&self, class: crate::Classification) -> bool {
        use crate::Kind;
        // Throttled and conflict are answers: the other side says that it did nothing.
        !self.keyed
            && !class.is_unsent()
            && matches!(class.retryable_kind(), Some(Kind::Timeout | Kind::Transient))
    }
}
