//! The settings of a retry as one constant value.
//!
//! `checks` refuses what cannot be together, `delays` says how long to wait.

mod checks;
mod delays;

use std::fmt;
use std::time::Duration;

use crate::backoff::{self, Backoff, Jitter, Schedule};
use crate::budget::{KeyedBudget, RetryBudget};
use crate::defaults;
use crate::opaque::Opaque;
use crate::time::nanos;

/// Where the retries of a policy are paid from.
#[derive(Clone, Copy)]
pub(crate) enum BudgetSource {
    /// The operation's own default budget.
    Own,
    /// Nowhere: retries are limited by `max_attempts` alone.
    Unlimited,
    Shared(Opaque<RetryBudget>),
    /// The budget that was registered first under the name; this one, if none was.
    Named(&'static str, Opaque<RetryBudget>),
    /// One for each key that the call brings along.
    Keyed(Opaque<KeyedBudget>),
}

impl BudgetSource {
    pub(crate) const fn is_unlimited(&self) -> bool {
        matches!(self, Self::Unlimited)
    }
}

/// What an inner retry does while an outer one is already retrying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nested {
    /// Leave the retrying to the outer one (conflicts excepted).
    #[default]
    Suppress,
    /// Retry all the same.
    Allow,
}

/// Everything that decides whether, when and how often a failed call is tried again.
///
/// A policy is plain constant data. `#[retry]` builds one for every function; a `static` of one's
/// own is shared with `policy = PATH`, or called without any attribute through
/// [`call`](Self::call) and [`call_async`](Self::call_async).
///
/// The builders are `const`: a wrong value in a `static` or `const` does not compile, and at run
/// time it panics with the same words.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Jitter, RetryPolicy};
///
/// static POLICY: RetryPolicy = RetryPolicy::new()
///     .max_attempts(5)
///     .base_delay(Duration::from_millis(200))
///     .max_delay(Duration::from_secs(5))
///     .jitter(Jitter::None);
///
/// // The schedule: 200ms, 400ms, 800ms, 1.6s.
/// assert_eq!(POLICY.delay(1, Duration::ZERO, 0), Duration::from_millis(200));
/// assert_eq!(POLICY.delay(4, Duration::ZERO, 0), Duration::from_millis(1600));
/// // The cap.
/// assert_eq!(POLICY.delay(u32::MAX, Duration::ZERO, 0), Duration::from_secs(5));
/// ```
#[derive(Clone, Copy)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) schedule: Schedule,
    base_delay: u64,
    max_delay: u64,
    factor: f64,
    /// Doublings that stay below the cap, where delays double and have full jitter; else 0. Kept by
    /// `retimed`.
    doublings: u32,
    pub(crate) jitter: Jitter,
    pub(crate) max_retry_after: Option<Duration>,
    /// Nanoseconds; `u64::MAX` for none.
    deadline: u64,
    pub(crate) soft_deadline: bool,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) nested: Nested,
    pub(crate) budget: BudgetSource,
    pub(crate) log_errors: bool,
    pub(crate) log_limit: u32,
    /// Only what surely never reached the other side is tried again.
    pub(crate) unsent_only: bool,
    /// Nobody waits, pays or watches the time: the next attempt follows at once.
    pub(crate) at_once: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy {
    /// The defaults: three attempts, exponential from 1 s to 60 s with full jitter, a budget of the
    /// operation's own.
    pub const fn new() -> Self {
        Self::NEW
    }

    /// What `#[retry]` alone stands for. Constants, here and above, since const evaluation of a
    /// function would do the same for every annotated function anew.
    #[doc(hidden)]
    pub const DEFAULT: Self = Self::NEW.validated();

    const NEW: Self = Self {
        max_attempts: defaults::MAX_ATTEMPTS,
        schedule: Schedule::Exponential,
        base_delay: nanos(defaults::BASE_DELAY),
        max_delay: nanos(defaults::MAX_DELAY),
        factor: defaults::FACTOR,
        jitter: Jitter::Full,
        max_retry_after: None,
        deadline: u64::MAX,
        soft_deadline: false,
        attempt_timeout: None,
        nested: Nested::Suppress,
        budget: BudgetSource::Own,
        log_errors: true,
        log_limit: defaults::LOG_LIMIT,
        unsent_only: false,
        at_once: false,
        doublings: 0,
    }
    .retimed();

    /// The policy after a change of what delays depend on.
    #[expect(clippy::float_cmp, reason = "2.0 is exact")]
    const fn retimed(mut self) -> Self {
        let doubles = matches!(self.schedule, Schedule::Exponential) && self.factor == 2.0;
        self.doublings = if doubles && matches!(self.jitter, Jitter::Full) {
            backoff::doublings(self.base_delay, self.max_delay)
        } else {
            0
        };
        self
    }

    /// One attempt, for a function that is not retried.
    #[doc(hidden)]
    pub const SINGLE: Self =
        Self { max_attempts: 1, budget: BudgetSource::Unlimited, ..Self::DEFAULT };

    /// Total calls of the body, the first included.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[track_caller]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        assert!(attempts >= 1, "`max_attempts` is 0, and the first call counts: write at least 1");
        self.max_attempts = attempts;
        self
    }

    /// The first delay before jitter. Default 1 s.
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = nanos(delay);
        self.retimed()
    }

    /// The ceiling of every delay. Default 60 s.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = nanos(delay);
        self.retimed()
    }

    /// The growth of the exponential schedule. Default 2.
    ///
    /// # Panics
    ///
    /// When it is below 1, infinite or not a number.
    #[track_caller]
    pub const fn factor(mut self, factor: f64) -> Self {
        assert!(
            factor >= 1.0 && factor < f64::INFINITY,
            "`factor` must be a finite number of at least 1: a smaller one makes delays shrink"
        );
        self.factor = factor;
        self.retimed()
    }

    /// How delays are spread. Default [`Jitter::Full`].
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self.retimed()
    }

    /// Delays `base, base * factor, base * factor², …`: the default.
    pub const fn exponential(mut self) -> Self {
        self.schedule = Schedule::Exponential;
        self.retimed()
    }

    /// Delays `base, 2 * base, 3 * base, …`.
    pub const fn linear(mut self) -> Self {
        self.schedule = Schedule::Linear;
        self.retimed()
    }

    /// The same delay before every retry.
    pub const fn constant(mut self) -> Self {
        self.schedule = Schedule::Constant;
        self.retimed()
    }

    /// Each delay drawn from `[base, 3 * previous]`, itself the jitter.
    pub const fn decorrelated(mut self) -> Self {
        self.schedule = Schedule::Decorrelated;
        self.retimed()
    }

    /// A schedule of one's own.
    pub const fn backoff(mut self, backoff: &'static dyn Backoff) -> Self {
        self.schedule = Schedule::Custom(backoff);
        self.retimed()
    }

    /// The longest hint of a server that is followed; a longer one ends the retrying. Default:
    /// `max_delay`.
    pub const fn max_retry_after(mut self, limit: Duration) -> Self {
        self.max_retry_after = Some(limit);
        self
    }

    /// How long the whole call may take. No sleep is begun that would cross it, no attempt after
    /// it, and an async attempt still running is cut off at it.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[track_caller]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        assert!(!deadline.is_zero(), "`deadline` is zero: no attempt fits into it");
        self.deadline = nanos(deadline);
        self.soft_deadline = false;
        self
    }

    /// A [`deadline`](Self::deadline) that never cuts a running attempt.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[track_caller]
    pub const fn soft_deadline(mut self, deadline: Duration) -> Self {
        self = self.deadline(deadline);
        self.soft_deadline = true;
        self
    }

    /// How long one async attempt may take before it is cut off and counts as a retryable timeout.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[track_caller]
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        assert!(!timeout.is_zero(), "`attempt_timeout` is zero: no attempt fits into it");
        self.attempt_timeout = Some(timeout);
        self
    }

    /// What this retry does while an outer one is already retrying. Default [`Nested::Suppress`].
    pub const fn nested(mut self, nested: Nested) -> Self {
        self.nested = nested;
        self
    }

    /// Pays every retry from a shared budget.
    pub const fn budget(mut self, budget: &'static RetryBudget) -> Self {
        self.budget = BudgetSource::Shared(Opaque::new(budget));
        self
    }

    /// Pays every retry from the budget of that name, which every function that says the name
    /// shares. `budget` is that budget unless another one was registered before.
    pub const fn named_budget(mut self, name: &'static str, budget: &'static RetryBudget) -> Self {
        self.budget = BudgetSource::Named(name, Opaque::new(budget));
        self
    }

    /// Pays every retry from the budget of the key that the call brings along.
    #[doc(hidden)]
    pub const fn keyed_budget(mut self, budget: &'static KeyedBudget) -> Self {
        self.budget = BudgetSource::Keyed(Opaque::new(budget));
        self
    }

    /// Retries without any budget.
    pub const fn without_budget(mut self) -> Self {
        self.budget = BudgetSource::Unlimited;
        self
    }

    /// Retries only what surely never reached the other side: for a call whose effect must not be
    /// doubled and whose key nobody downstream knows.
    pub const fn unsent_only(mut self) -> Self {
        self.unsent_only = true;
        self
    }

    /// Whether the text of errors stands in logs. Default true.
    pub const fn log_errors(mut self, on: bool) -> Self {
        self.log_errors = on;
        self
    }

    /// Log lines a second of one operation before they are summed up in one. Default 10.
    pub const fn log_limit(mut self, lines_per_second: u32) -> Self {
        self.log_limit = lines_per_second;
        self
    }

    /// Whether an async attempt under this policy can be cut off.
    #[must_use]
    pub const fn cuts_attempts(&self) -> bool {
        self.attempt_timeout.is_some() || (self.deadline != u64::MAX && !self.soft_deadline)
    }

    /// Total calls of the body, the first included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.max_attempts
    }

    /// The longest hint in nanoseconds that is followed.
    pub(crate) fn hint_limit(&self) -> u64 {
        self.max_retry_after.map_or(self.max_delay, nanos)
    }

    pub(crate) const fn ceiling_nanos(&self) -> u64 {
        self.max_delay
    }

    pub(crate) const fn deadline_nanos(&self) -> u64 {
        self.deadline
    }

    /// The deadline of a whole call, where there is one.
    pub(crate) const fn longest(&self) -> Option<Duration> {
        if self.deadline == u64::MAX { None } else { Some(Duration::from_nanos(self.deadline)) }
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("max_attempts", &self.max_attempts)
            .field("backoff", &self.schedule.as_str())
            .field("base_delay", &Duration::from_nanos(self.base_delay))
            .field("max_delay", &Duration::from_nanos(self.max_delay))
            .field("factor", &self.factor)
            .field("jitter", &self.jitter)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("deadline", &self.longest())
            .finish_non_exhaustive()
    }
}
