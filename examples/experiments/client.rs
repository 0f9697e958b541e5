//! What a simulated client retries with: the library's own policies and budgets.

use std::time::Duration;

use steadfast::budget::AdaptiveBudget;
use steadfast::{Jitter, RetryBudget, RetryPolicy};

use crate::sim::at;

/// Where retries are paid from.
pub(crate) enum Budget {
    /// Nowhere: `budget = none`.
    Unlimited,
    /// A bucket that every call pays into: `budget(ratio = …, max_tokens = …)`.
    Bucket(RetryBudget),
    /// What a function has that names no budget.
    Default {
        budget: Box<AdaptiveBudget>,
        /// Calls that have ended, as the runtime counts them.
        ended: u64,
        floor: u32,
    },
}

impl Budget {
    pub(crate) fn bucket(tokens_per_second: f64, max_tokens: u32, ratio: f64) -> Self {
        Self::Bucket(RetryBudget::new(tokens_per_second, max_tokens).deposit_per_call(ratio))
    }

    pub(crate) fn default_for(max_attempts: u32) -> Self {
        Self::Default { budget: Box::default(), ended: 0, floor: max_attempts.saturating_sub(1) }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self) {
        if let Self::Bucket(bucket) = self {
            bucket.deposit(1);
        }
    }

    /// A call has ended.
    pub(crate) fn end(&mut self) {
        if let Self::Default { ended, .. } = self {
            *ended += 1;
        }
    }

    /// Whether a retry may be made now.
    pub(crate) fn acquire(&mut self, now: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Bucket(bucket) => bucket.acquire_at(at(now)),
            Self::Default { budget, ended, floor } => {
                budget.acquire_at(at(now), *ended + 1, *floor)
            }
        }
    }
}

/// A policy that retries at once.
pub(crate) const fn at_once(max_attempts: u32) -> RetryPolicy {
    RetryPolicy::new()
        .max_attempts(max_attempts)
        .base_delay(Duration::ZERO)
        .max_delay(Duration::ZERO)
}

/// An exponential policy that goes on for ever.
pub(crate) const fn endless(base: Duration, cap: Duration, jitter: Jitter) -> RetryPolicy {
    RetryPolicy::new().max_attempts(u32::MAX).base_delay(base).max_delay(cap).jitter(jitter)
}

/// The delays of one call, in nanoseconds.
pub(crate) struct Delays<'a> {
    policy: &'a RetryPolicy,
    retries: u32,
    previous: Duration,
}

impl<'a> Delays<'a> {
    pub(crate) const fn new(policy: &'a RetryPolicy) -> Self {
        Self { policy, retries: 0, previous: Duration::ZERO }
    }

    /// Retries so far.
    pub(crate) const fn retries(&self) -> u32 {
        self.retries
    }

    /// Whether `max_attempts` lets another one be made.
    pub(crate) const fn left(&self) -> bool {
        self.retries + 1 < self.policy.attempts()
    }

    /// The delay before the next retry.
    pub(crate) fn next(&mut self, random: u64) -> u64 {
        self.retries = self.retries.saturating_add(1);
        self.previous = self.policy.delay(self.retries, self.previous, random);
        u64::try_from(self.previous.as_nanos()).unwrap_or(u64::MAX)
    }
}
