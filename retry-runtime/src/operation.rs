//! One annotated function: its name, where it stands, and what is counted of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::budget::DefaultBudget;
use crate::engine::StopReason;
use crate::opaque::Opaque;
use crate::policy::RetryPolicy;
use crate::registry;
use crate::shard::{self, SHARDS};
use crate::telemetry::cold::Cold;
use crate::telemetry::facts::Details;
use crate::telemetry::limit::LogLimit;

/// The constant part of an annotated function, built by the attribute.
#[derive(Debug)]
pub struct Operation {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    policy: RetryPolicy,
    /// The policy depends on a generic parameter, or no attribute said it.
    unlisted: bool,
    pub(crate) state: &'static State,
    /// Whether calls are counted: for statistics, or to pay a budget.
    pub(crate) counted: bool,
    pub(crate) details: Details,
}

impl Operation {
    /// The function of this name, which stands at this place and retries by this policy.
    #[must_use]
    pub const fn new(
        name: &'static str,
        file: &'static str,
        line: u32,
        state: &'static State,
        policy: RetryPolicy,
    ) -> Self {
        let counted = cfg!(feature = "statistics")
            || cfg!(feature = "metrics")
            || !policy.budget.is_unlimited();
        Self { name, file, line, policy, unlisted: false, state, counted, details: Details::NONE }
    }

    /// The same where each instance of a generic function has a policy of its own.
    #[must_use]
    pub const fn with_generic_policy(mut self) -> Self {
        self.unlisted = true;
        self.counted = true;
        self
    }

    /// The same for a function without `#[retry]`, whose policy is nobody's word.
    #[must_use]
    pub const fn without_retry(mut self) -> Self {
        self.unlisted = true;
        self
    }

    /// The policy, unless it belongs to an instance.
    #[inline]
    pub const fn policy(&'static self) -> &'static RetryPolicy {
        &self.policy
    }

    /// The policy for who lists operations: `None` where it depends on a generic parameter,
    /// or there is none.
    pub(crate) const fn listed_policy(&'static self) -> Option<&'static RetryPolicy> {
        if self.unlisted { None } else { Some(&self.policy) }
    }

    /// Counts a success at the first attempt, if that is all there is to do.
    #[inline]
    pub(crate) fn count_first(&self) -> bool {
        if cfg!(feature = "metrics") {
            false
        } else if self.counted {
            self.state.count_first()
        } else {
            !shard::anybody_watches()
        }
    }

    /// Counts a success after at least one retry, where nobody else is to be told.
    #[inline]
    pub(crate) fn count_healed(&'static self, attempts: u32) {
        if self.counted {
            registry::see(self, self.state);
            self.state.count_healed(attempts);
        }
    }
}

/// The changing part. All zeros at the start, so that it takes no room in the binary.
#[derive(Debug)]
pub struct State {
    /// Calls that succeeded at the first attempt: the one counter that the success path writes.
    shards: [Shard; SHARDS],
    /// Calls that ended in failure, by `StopReason`.
    ended: [AtomicU64; StopReason::ALL.len()],
    /// Calls that a circuit rejected and a fallback answered.
    fallbacks: AtomicU64,
    /// Attempts of all calls but those that a counter of their own tells.
    attempts: AtomicU64,
    /// Calls that succeeded at attempt 2, 3, … and later.
    healed: [AtomicU64; HEALED],
    slept: AtomicU64,
    pub(crate) budget: DefaultBudget,
    pub(crate) log: LogLimit,
    /// Calls whose deposits went into a shared budget.
    deposited: AtomicU64,
    listed: AtomicBool,
    /// The operation that was listed before this one.
    pub(crate) before: Mutex<Option<Opaque<Operation>>>,
    pub(crate) cold: Cold,
}

/// Success is told apart up to this many retries; the last counter takes the rest.
pub(crate) const HEALED: usize = 8;

#[derive(Debug)]
#[repr(align(64))]
struct Shard(AtomicU64);

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Nothing counted yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::NEW
    }

    /// Evaluated once, not for every annotated function.
    #[expect(clippy::declare_interior_mutable_const, reason = "every use is a new state")]
    const NEW: Self = Self {
        shards: [const { Shard(AtomicU64::new(0)) }; SHARDS],
        ended: [const { AtomicU64::new(0) }; StopReason::ALL.len()],
        fallbacks: AtomicU64::new(0),
        attempts: AtomicU64::new(0),
        healed: [const { AtomicU64::new(0) }; HEALED],
        slept: AtomicU64::new(0),
        budget: DefaultBudget::new(),
        log: LogLimit::new(),
        deposited: AtomicU64::new(0),
        listed: AtomicBool::new(false),
        before: Mutex::new(None),
        cold: Cold::new(),
    };

    /// Counts a success at the first attempt, unless this thread has no fast path.
    #[inline]
    pub(crate) fn count_first(&self) -> bool {
        let slot = shard::slot();
        match self.shards.get(slot) {
            Some(shard) => {
                shard.0.fetch_add(1, Relaxed);
                true
            }
            None => false,
        }
    }

    pub(crate) fn count_first_slowly(&self) {
        self.shards[shard::home()].0.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_end(&self, reason: StopReason, attempts: u32) {
        if reason == StopReason::Ok {
            self.count_healed(attempts);
        } else {
            self.ended[reason as usize].fetch_add(1, Relaxed);
            self.attempts.fetch_add(u64::from(attempts), Relaxed);
        }
    }

    /// Counts a success after at least one retry.
    #[inline]
    pub(crate) fn count_healed(&self, attempts: u32) {
        let retries = attempts as usize - 2;
        if let Some(healed) = self.healed[..HEALED - 1].get(retries) {
            healed.fetch_add(1, Relaxed);
        } else {
            self.healed[HEALED - 1].fetch_add(1, Relaxed);
            self.attempts.fetch_add(u64::from(attempts), Relaxed);
        }
    }

    pub(crate) fn count_fallback(&self, attempts: u32) {
        self.fallbacks.fetch_add(1, Relaxed);
        self.attempts.fetch_add(u64::from(attempts), Relaxed);
    }

    /// Counts the nanoseconds of a delay.
    pub(crate) fn count_slept(&self, delay: u64) {
        self.slept.fetch_add(delay, Relaxed);
    }

    pub(crate) fn first_ok(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.load(Relaxed)).sum()
    }

    pub(crate) fn ended(&self, reason: StopReason) -> u64 {
        if reason == StopReason::Ok {
            self.healed().iter().sum()
        } else {
            self.ended[reason as usize].load(Relaxed)
        }
    }

    pub(crate) fn fallbacks(&self) -> u64 {
        self.fallbacks.load(Relaxed)
    }

    /// Calls that have ended.
    pub(crate) fn calls(&self) -> u64 {
        let ended = StopReason::ALL.into_iter().map(|reason| self.ended(reason)).sum::<u64>();
        self.first_ok() + ended + self.fallbacks()
    }

    /// Attempts of the calls that have ended.
    pub(crate) fn attempts(&self) -> u64 {
        let healed = self.healed();
        let told = healed[..HEALED - 1].iter().zip(2..).map(|(calls, attempts)| calls * attempts);
        self.first_ok() + told.sum::<u64>() + self.attempts.load(Relaxed)
    }

    pub(crate) fn healed(&self) -> [u64; HEALED] {
        std::array::from_fn(|index| self.healed[index].load(Relaxed))
    }

    pub(crate) fn slept(&self) -> Duration {
        Duration::from_nanos(self.slept.load(Relaxed))
    }

    /// Calls since the last request, this one included: what a shared budget is to be paid for.
    pub(crate) fn new_calls(&self) -> u64 {
        let calls = self.calls() + 1;
        calls.saturating_sub(self.deposited.fetch_max(calls, Relaxed))
    }

    #[inline]
    pub(crate) fn is_listed(&self) -> bool {
        self.listed.load(Relaxed)
    }

    /// Whether this is the first request to list the operation.
    pub(crate) fn is_first_listing(&self) -> bool {
        !self.is_listed() && !self.listed.swap(true, Relaxed)
    }
}
