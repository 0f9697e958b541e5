//! The delays of a policy: its schedule, or what a server asked for.

use std::time::Duration;

use super::RetryPolicy;
use crate::backoff::{self, Schedule};
use crate::drivers::random;
use crate::time::nanos;

impl RetryPolicy {
    /// The delay before retry number `retry` (1 is the first), when `previous` was the delay before
    /// the last one and `random` is uniform over all of `u64`.
    ///
    /// Always within `0..=max_delay`, whatever the arguments.
    #[must_use]
    #[inline]
    pub fn delay(&self, retry: u32, previous: Duration, random: u64) -> Duration {
        Duration::from_nanos(self.delay_nanos(retry, nanos(previous), random))
    }

    #[inline]
    pub(crate) fn delay_nanos(&self, retry: u32, previous: u64, random: u64) -> u64 {
        // Retry 0 wraps around to no doubling at all.
        let exponent = retry.wrapping_sub(1);
        if exponent < self.doublings {
            return backoff::below(self.base_delay << exponent, random);
        }
        self.delay_slowly(retry, previous, random)
    }

    #[inline(never)]
    fn delay_slowly(&self, retry: u32, previous: u64, random: u64) -> u64 {
        let (base, cap) = (self.base_delay, self.max_delay);
        let delay = match self.schedule {
            Schedule::Decorrelated => return backoff::decorrelated(base, previous, cap, random),
            Schedule::Exponential => backoff::exponential(base, self.factor, retry, cap),
            Schedule::Linear => base.saturating_mul(u64::from(retry)),
            Schedule::Constant => base,
            Schedule::Custom(backoff) => {
                nanos(backoff.delay(retry, Duration::from_nanos(previous)))
            }
        };
        backoff::spread(self.jitter, delay.min(cap), random)
    }

    /// [`delay`](Self::delay) with a random number of this thread's generator, for a loop of one's own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use retry_runtime::RetryPolicy;
    ///
    /// static POLICY: RetryPolicy = RetryPolicy::new().base_delay(Duration::from_millis(100));
    /// assert!(POLICY.next_delay(1, Duration::ZERO) <= Duration::from_millis(100));
    /// ```
    #[inline]
    #[must_use]
    pub fn next_delay(&self, retry: u32, previous: Duration) -> Duration {
        self.delay(retry, previous, random::next())
    }

    /// The delay in nanoseconds after a failure whose server said when to come back.
    pub(crate) fn hinted_delay(&self, hint: Duration, random: u64) -> u64 {
        backoff::hinted(hint, self.base_delay, random)
    }

    /// Whether a delay can depend on a random number.
    pub(crate) const fn draws(&self) -> bool {
        self.base_delay > 0 || matches!(self.schedule, Schedule::Custom(_))
    }
}
