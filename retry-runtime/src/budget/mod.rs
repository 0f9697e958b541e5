//! Token buckets that limit retries, never first attempts.
//!
//! - [`RetryBudget`]: a bucket with settings, which functions share by path or by name;
//! - [`AdaptiveBudget`]: the default of a function that says nothing, sized by its own calls;
//! - [`KeyedBudget`]: one bucket for each value of a key;
//! - [`Allowance`]: what a budget allows, in numbers that can be asserted.
//!
//! All of them are lock-free but the keyed one, which locks a part of its keys. None reads a clock
//! where the moment is an argument.

mod adaptive;
mod allowance;
mod bucket;
mod keyed;
mod named;

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bucket::{Flow, MOST_TOKENS, TOKEN, billionths};

use crate::drivers::clock;
use crate::time::Timestamp;

pub use adaptive::AdaptiveBudget;
pub(crate) use adaptive::AdaptiveBudget as DefaultBudget;
pub use allowance::Allowance;
pub use keyed::KeyedBudget;
pub(crate) use named::named;
pub use named::{NamedBudget, budgets, conflicts};

/// A bucket of tokens, one for each retry.
///
/// `tokens_per_second` flow in up to `max_tokens`; the bucket starts full. Functions that share one
/// (`budget = PAYMENTS_BUDGET`) share its limit, however many they are.
///
/// Whatever the threads do, retries never exceed the initial tokens plus deposits plus refill, the
/// bucket is never below zero nor above `max_tokens`, and a clock that goes back brings nothing.
///
/// ```
/// use retry_runtime::RetryBudget;
///
/// static BUDGET: RetryBudget = RetryBudget::new(0.0, 2).deposit_per_call(0.5);
///
/// assert!(BUDGET.acquire() && BUDGET.acquire());
/// assert!(!BUDGET.acquire());          // empty: the retry is not made
/// BUDGET.deposit(2);                   // two calls, half a token each
/// assert!(BUDGET.acquire());
/// ```
///
/// What cannot be meant does not compile:
///
/// ```compile_fail
/// # use retry_runtime::RetryBudget;
/// static BUDGET: RetryBudget = RetryBudget::new(f64::NAN, 10);
/// ```
// A line of the cache for each, so that budgets which lie side by side do not slow each other down.
#[repr(align(64))]
pub struct RetryBudget {
    tokens: AtomicU64,
    /// Refill is credited up to here, in nanoseconds of the library's clock.
    credited: AtomicU64,
    capacity: u64,
    per_call: u64,
    /// The capacity; 0 where calls earn nothing, so that a deposit has one thing to compare.
    deposit_up_to: u64,
    flow: Flow,
}

impl RetryBudget {
    /// A full bucket of `max_tokens` that gains `tokens_per_second`.
    ///
    /// A rate of 0 is a bucket that only [deposits](Self::deposit_per_call) fill.
    ///
    /// # Panics
    ///
    /// When the rate is not a number, negative or above a billion, or the bucket holds nothing or
    /// more than a billion. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(tokens_per_second: f64, max_tokens: u32) -> Self {
        assert!(!tokens_per_second.is_nan(), "`tokens_per_second` is not a number");
        assert!(tokens_per_second >= 0.0, "`tokens_per_second` is negative: the least is 0");
        assert!(
            tokens_per_second <= MOST_TOKENS as f64,
            "`tokens_per_second` is above 1e9, which limits nothing: write `budget = none`"
        );
        assert!(
            max_tokens >= 1,
            "`max_tokens` is 0, a bucket that is never full: for no retries write \
             `max_attempts = 1`"
        );
        assert!(
            max_tokens <= MOST_TOKENS,
            "`max_tokens` is above 1_000_000_000, which limits nothing: write `budget = none`"
        );
        let capacity = max_tokens as u64 * TOKEN;
        Self {
            tokens: AtomicU64::new(capacity),
            credited: AtomicU64::new(0),
            capacity,
            per_call: 0,
            deposit_up_to: 0,
            flow: Flow::new(tokens_per_second, capacity),
        }
    }

    /// The same bucket, which also gains `ratio` tokens for every call of a function that uses it.
    ///
    /// # Panics
    ///
    /// When the ratio is not a number, negative or above 1000. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn deposit_per_call(self, ratio: f64) -> Self {
        self.with_ratio(ratio)
    }

    /// A copy with a ratio.
    #[track_caller]
    const fn with_ratio(&self, ratio: f64) -> Self {
        let mut new = self.fresh();
        assert!(!ratio.is_nan(), "`ratio` is not a number");
        assert!(ratio >= 0.0, "`ratio` is negative: the least is 0");
        assert!(ratio <= 1000.0, "`ratio` is above 1000 tokens a call");
        let per_call = billionths(ratio);
        new.per_call = per_call;
        new.deposit_up_to = if per_call > 0 { new.capacity } else { 0 };
        new
    }

    /// Takes one token, if there is one.
    ///
    /// Reads the library's clock, unless nothing flows in with time.
    #[inline]
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire(&self) -> bool {
        let now = if self.flow.is_dry() { Timestamp::ZERO } else { clock::now() };
        self.acquire_at(now)
    }

    /// Takes one token, or says that there is none.
    ///
    /// # Errors
    ///
    /// [`BudgetExhausted`] when less than one token is left.
    ///
    /// ```
    /// use retry_runtime::{BudgetExhausted, RetryBudget};
    ///
    /// fn again(budget: &RetryBudget) -> Result<(), BudgetExhausted> {
    ///     budget.try_acquire()?;
    ///     // … the retry
    ///     Ok(())
    /// }
    ///
    /// let budget = RetryBudget::new(0.0, 1);
    /// assert!(again(&budget).is_ok());
    /// assert_eq!(again(&budget).unwrap_err().to_string(), "the retry budget is exhausted");
    /// ```
    pub fn try_acquire(&self) -> Result<(), BudgetExhausted> {
        if self.acquire() { Ok(()) } else { Err(BudgetExhausted(())) }
    }

    /// [`acquire`](Self::acquire) at a moment of the caller's clock. A moment before the last one
    /// changes nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use retry_runtime::{RetryBudget, Timestamp};
    ///
    /// let budget = RetryBudget::new(0.5, 1);
    /// let start = Timestamp::from_nanos(1);
    /// assert!(budget.acquire_at(start));
    /// assert!(!budget.acquire_at(start.saturating_add(Duration::from_millis(1999))));
    /// assert!(budget.acquire_at(start.saturating_add(Duration::from_millis(2000))));
    /// ```
    #[inline]
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire_at(&self, now: Timestamp) -> bool {
        bucket::take(&self.tokens, &self.credited, &self.flow, self.capacity, now.as_nanos())
    }

    /// Adds what `calls` calls earn. What the bucket cannot hold is lost.
    #[inline]
    pub fn deposit(&self, calls: u64) {
        // One call is the usual case and cannot overflow: 1000 tokens at most.
        let amount = if calls == 1 {
            self.per_call
        } else {
            self.per_call.saturating_mul(calls).min(self.capacity)
        };
        bucket::put(&self.tokens, amount, self.deposit_up_to);
    }

    /// A full bucket with the same settings.
    pub(crate) const fn fresh(&self) -> Self {
        Self {
            tokens: AtomicU64::new(self.capacity),
            credited: AtomicU64::new(0),
            capacity: self.capacity,
            per_call: self.per_call,
            deposit_up_to: self.deposit_up_to,
            flow: self.flow,
        }
    }

    /// Whether another budget limits in the same way.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.flow == other.flow
            && self.capacity == other.capacity
            && self.per_call == other.per_call
    }

    /// Billionths of tokens at a moment, refill included; changes nothing.
    pub(super) fn held_at(&self, now: Timestamp) -> u64 {
        let since = self.credited.load(Relaxed);
        let earned = self.flow.earned(now.as_nanos().saturating_sub(since));
        (self.tokens.load(Relaxed) + earned).min(self.capacity)
    }

    /// Whether a new bucket would answer alike.
    fn is_full_at(&self, now: Timestamp) -> bool {
        self.held_at(now) >= self.capacity
    }

    /// Whole tokens left, refill since the last request not included.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Relaxed) / TOKEN
    }

    /// Whole tokens left at a moment of the caller's clock, refill included.
    ///
    /// ```
    /// use retry_runtime::{RetryBudget, Timestamp};
    ///
    /// let budget = RetryBudget::new(1.0, 2);
    /// assert!(budget.acquire_at(Timestamp::from_nanos(0)) && budget.acquire_at(Timestamp::ZERO));
    /// assert_eq!(budget.tokens_at(Timestamp::ZERO), 0);
    /// assert_eq!(budget.tokens_at(Timestamp::from_nanos(1_000_000_000)), 1);
    /// ```
    #[must_use]
    pub fn tokens_at(&self, now: Timestamp) -> u64 {
        self.held_at(now) / TOKEN
    }

    /// The most tokens the bucket holds.
    #[must_use]
    pub const fn max_tokens(&self) -> u64 {
        self.capacity / TOKEN
    }

    /// Tokens that flow in a second.
    #[must_use]
    pub const fn tokens_per_second(&self) -> f64 {
        self.flow.rate()
    }

    /// Tokens that one call adds.
    #[must_use]
    pub const fn ratio(&self) -> f64 {
        self.per_call as f64 / TOKEN as f64
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("tokens", &self.tokens())
            .field("max_tokens", &self.max_tokens())
            .field("tokens_per_second", &self.tokens_per_second())
            .field("ratio", &self.ratio())
            .finish_non_exhaustive()
    }
}

/// No token was left: the retry must not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetExhausted(());

impl fmt::Display for BudgetExhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the retry budget is exhausted")
    }
}

impl std::error::Error for BudgetExhausted {}
