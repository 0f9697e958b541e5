//! What can only be wrong across the settings of a policy, or between it and the function it is for.

use std::time::Duration;

use super::RetryPolicy;
use crate::backoff::{Jitter, Schedule};
use crate::time::nanos;

impl RetryPolicy {
    /// The policy, its settings checked against each other. `#[retry]` ends with it.
    ///
    /// # Panics
    ///
    /// When `max_delay` is shorter than `base_delay`, `attempt_timeout` longer than `deadline`, or
    /// the smallest possible delays alone already cross the deadline.
    #[track_caller]
    pub const fn validated(mut self) -> Self {
        assert!(
            self.base_delay <= self.max_delay,
            "`max_delay` is shorter than `base_delay`: raise `max_delay` or lower `base_delay`"
        );
        if self.deadline != u64::MAX {
            let deadline = self.deadline;
            if let Some(timeout) = self.attempt_timeout {
                assert!(
                    nanos(timeout) <= deadline,
                    "`attempt_timeout` is longer than `deadline`: no attempt can use it"
                );
            }
            assert!(
                self.least_total_delay(deadline) <= deadline,
                "`deadline` ends before the last attempt can begin, even with the smallest delays: \
                 raise `deadline` or lower `max_attempts`"
            );
        }
        self.at_once = self.base_delay == 0
            && !matches!(self.schedule, Schedule::Custom(_))
            && self.deadline == u64::MAX
            && self.budget.is_unlimited()
            && !self.unsent_only;
        self
    }

    /// The policy, for a call whose record is kept for `ttl`.
    ///
    /// # Panics
    ///
    /// When the retrying can last longer, as far as the settings tell: until the deadline, else for all
    /// delays without jitter and all attempts cut off at their timeout.
    #[doc(hidden)]
    #[track_caller]
    pub const fn outlived_by(self, ttl: Duration) -> Self {
        let ttl = nanos(ttl);
        assert!(
            self.horizon(ttl) <= ttl,
            "`ttl` is shorter than the retrying can last, so that a duplicate could run beside it: \
             raise `ttl` or lower the `deadline` of the retry"
        );
        self
    }

    /// How long retrying may go on, or a part of it that is more than `enough`.
    const fn horizon(&self, enough: u64) -> u64 {
        if self.deadline != u64::MAX {
            return self.deadline;
        }
        let attempts = match self.attempt_timeout {
            Some(timeout) => nanos(timeout).saturating_mul(self.max_attempts as u64),
            None => 0,
        };
        attempts.saturating_add(self.total_delay(1, enough))
    }

    /// The sum of the smallest possible delays, or a part of it that is more than `enough`.
    const fn least_total_delay(&self, enough: u64) -> u64 {
        match self.jitter {
            Jitter::Full => 0,
            Jitter::Equal => self.total_delay(2, enough),
            Jitter::None => self.total_delay(1, enough),
        }
    }

    /// The sum of all delays, each divided by `share`, or a part of it that is more than `enough`; 0
    /// for a schedule that draws or computes them.
    const fn total_delay(&self, share: u64, enough: u64) -> u64 {
        let cap = self.max_delay;
        let mut delay = self.base_delay;
        let (mut total, mut retry) = (0_u64, 1);
        while retry < self.max_attempts && total <= enough {
            if delay >= cap || delay == 0 {
                // From here on every delay is the same.
                let rest = (self.max_attempts - retry) as u64;
                let delay = if delay < cap { delay } else { cap };
                return total.saturating_add(rest.saturating_mul(delay / share));
            }
            total = total.saturating_add(delay / share);
            retry += 1;
            delay = match self.schedule {
                Schedule::Exponential if self.factor > 1.0 => scaled(delay, self.factor),
                Schedule::Linear => delay.saturating_add(self.base_delay),
                Schedule::Exponential | Schedule::Constant => {
                    let rest = (self.max_attempts - retry) as u64;
                    return total.saturating_add(rest.saturating_mul(delay / share));
                }
                // Whatever they draw or compute is not known here.
                Schedule::Decorrelated | Schedule::Custom(_) => return 0,
            };
        }
        total
    }

    /// The policy, for a function that blocks and so cannot be cut off.
    ///
    /// # Panics
    ///
    /// When it has an `attempt_timeout`.
    #[track_caller]
    pub const fn for_blocking(self) -> Self {
        assert!(
            self.attempt_timeout.is_none(),
            "the policy has an `attempt_timeout`, and a synchronous function cannot be cut off: \
             make it an `async fn`, or give it a policy without"
        );
        self
    }

    /// The policy, for an async function whose values are looked at: what cuts it off has to stand
    /// in its attribute.
    ///
    /// # Panics
    ///
    /// When it [cuts attempts](Self::cuts_attempts).
    #[track_caller]
    pub const fn for_values(self) -> Self {
        assert!(
            !self.cuts_attempts(),
            "the policy cuts attempts off, and a function with `when_value` or `classify_value` \
             may have no error for that: write `attempt_timeout` or `deadline` beside it"
        );
        self
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and neither operand is negative"
)]
const fn scaled(delay: u64, factor: f64) -> u64 {
    (delay as f64 * factor) as u64
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use crate::{Jitter, RetryPolicy};

    #[test]
    fn a_record_that_the_retrying_outlives_is_refused() {
        let fits = |policy: RetryPolicy, ttl: u64| {
            let ttl = Duration::from_secs(ttl);
            catch_unwind(AssertUnwindSafe(|| policy.outlived_by(ttl))).is_ok()
        };
        // Two delays of 1 and 2 seconds, whatever the jitter.
        let policy = RetryPolicy::new();
        assert!(fits(policy, 3) && !fits(policy, 2));
        let timed = policy.attempt_timeout(Duration::from_secs(5));
        assert!(fits(timed, 18) && !fits(timed, 17));
        // What a schedule draws is not known; what the attempts take is.
        assert!(fits(timed.decorrelated(), 15) && !fits(timed.decorrelated(), 14));
        let bounded = timed.deadline(Duration::from_secs(30));
        assert!(fits(bounded, 30) && !fits(bounded, 29));
        assert!(!fits(policy.max_attempts(u32::MAX), 1_000_000));
    }

    #[test]
    fn a_schedule_that_can_never_fit_its_deadline_is_refused() {
        let policy = RetryPolicy::new().max_attempts(9).deadline(Duration::from_secs(10));
        let fits =
            |policy: RetryPolicy| catch_unwind(AssertUnwindSafe(|| policy.validated())).is_ok();
        assert!(fits(policy), "with full jitter every delay may be zero");
        assert!(!fits(policy.jitter(Jitter::None)));
        assert!(!fits(policy.jitter(Jitter::Equal)));
        assert!(fits(policy.jitter(Jitter::None).max_attempts(4)), "1 + 2 + 4 seconds");
        assert!(!fits(policy.jitter(Jitter::None).max_attempts(5)));
        assert!(fits(policy.jitter(Jitter::None).constant()), "8 seconds");
        assert!(!fits(policy.jitter(Jitter::None).constant().max_attempts(12)));
        assert!(!fits(policy.jitter(Jitter::None).linear()));
        let forever = policy.jitter(Jitter::None).max_attempts(u32::MAX);
        assert!(!fits(forever.factor(1.0)));
        assert!(fits(forever.base_delay(Duration::from_nanos(1)).constant()), "4.3 seconds");
        assert!(fits(forever.base_delay(Duration::ZERO)));
    }
}
