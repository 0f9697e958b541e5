//! What a budget allows, as numbers: the guarantee behind “retries cannot melt the system down”.
//! Bounds, not forecasts: no pattern of failures passes them.

use std::time::Duration;

use super::bucket::TOKEN;
use super::{AdaptiveBudget, RetryBudget};
use crate::defaults;

/// What a budget allows while everything fails.
///
/// Rates are calls a second of everybody who shares the budget, loads are multiples of the calls.
///
/// ```
/// use retry_runtime::RetryBudget;
///
/// static BUDGET: RetryBudget = RetryBudget::new(0.0, 10).deposit_per_call(0.2);
///
/// let allowance = BUDGET.allowance(3);
/// assert_eq!(allowance.retries_first_minute(10.0), 130.0);           // 10 + 0.2 * 600
/// assert_eq!(allowance.steady_state_amplification(10.0), 1.2);
/// // A slow client is limited by its attempts, not by its budget.
/// assert_eq!(allowance.retries_first_minute(0.05), 6.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    retries_per_call: f64,
    /// Tokens of a full bucket, whatever the rate.
    floor: f64,
    /// Tokens of a full bucket for each call a second.
    per_rate: f64,
    per_second: f64,
    per_call: f64,
}

impl Allowance {
    /// Retries that can be made at once, on a bucket that is full.
    #[must_use]
    pub fn burst(&self, calls_per_second: f64) -> f64 {
        self.floor.max(self.per_rate * calls_per_second)
    }

    /// The most retries in the first `time` of a total outage.
    #[must_use]
    pub fn retries(&self, calls_per_second: f64, time: Duration) -> f64 {
        let seconds = time.as_secs_f64();
        let calls = calls_per_second * seconds;
        let paid = self.burst(calls_per_second) + self.per_call * calls + self.per_second * seconds;
        paid.min(self.retries_per_call * calls)
    }

    /// The most retries in the first minute of a total outage.
    #[must_use]
    pub fn retries_first_minute(&self, calls_per_second: f64) -> f64 {
        self.retries(calls_per_second, Duration::from_secs(60))
    }

    /// The most load in the first `time` of a total outage: calls and retries over calls.
    ///
    /// Not a number at a rate of 0.
    #[must_use]
    pub fn amplification(&self, calls_per_second: f64, time: Duration) -> f64 {
        1.0 + self.retries(calls_per_second, time) / (calls_per_second * time.as_secs_f64())
    }

    /// The most load of an outage that goes on: calls and retries over calls, the bucket long empty.
    #[must_use]
    pub fn steady_state_amplification(&self, calls_per_second: f64) -> f64 {
        let paid = self.per_call + self.per_second / calls_per_second;
        1.0 + paid.min(self.retries_per_call)
    }

    /// The share of independent failures up to which every retry that `max_attempts` would make is
    /// paid for; above it some calls return their error at once.
    #[must_use]
    pub fn healed_failure_rate(&self, calls_per_second: f64) -> f64 {
        let paid = self.steady_state_amplification(calls_per_second) - 1.0;
        // Retries a call at failure rate p are p + p² + … + p^n, which grows with p: halving.
        let retries = |p: f64| {
            let (mut power, mut sum, mut n) = (1.0, 0.0, 0.0);
            while n < self.retries_per_call && n < 64.0 {
                power *= p;
                sum += power;
                n += 1.0;
            }
            sum
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if retries(middle) <= paid { low = middle } else { high = middle }
        }
        low
    }
}

impl RetryBudget {
    /// What this budget allows functions with `max_attempts` attempts that use it.
    #[must_use]
    pub fn allowance(&self, max_attempts: u32) -> Allowance {
        Allowance {
            retries_per_call: f64::from(max_attempts.saturating_sub(1)),
            floor: self.max_tokens() as f64,
            per_rate: 0.0,
            per_second: self.tokens_per_second(),
            per_call: self.ratio(),
        }
    }
}

impl AdaptiveBudget {
    /// What the default budget allows a function with `max_attempts` attempts.
    ///
    /// ```
    /// use retry_runtime::budget::AdaptiveBudget;
    ///
    /// let allowance = AdaptiveBudget::allowance(3);
    /// assert!(allowance.steady_state_amplification(10.0) < 1.21);
    /// assert_eq!(allowance.burst(100.0), 200.0);
    /// // A client of one call an hour keeps both its retries.
    /// assert_eq!(allowance.steady_state_amplification(1.0 / 3600.0), 3.0);
    /// ```
    #[must_use]
    pub fn allowance(max_attempts: u32) -> Allowance {
        let retries_per_call = f64::from(max_attempts.saturating_sub(1));
        let per_call = defaults::BUDGET_PER_CALL_BILLIONTHS as f64 / TOKEN as f64;
        Allowance {
            retries_per_call,
            floor: retries_per_call.max(1.0),
            per_rate: per_call * defaults::BUDGET_WINDOW.as_secs_f64(),
            per_second: defaults::BUDGET_TOKENS_PER_SECOND,
            per_call,
        }
    }
}
