//! How long a call under a policy can take: the sum of its delays and the bounds of its attempts.

use std::time::Duration;

use crate::policy::RetryPolicy;

/// Retries whose delays are added one by one; the delays of later ones are taken as the last.
/// Schedules have reached their cap long before, and `max_attempts` may be anything.
const ONE_BY_ONE: u32 = 10_000;

/// The most that a call can do and take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorstCase {
    /// Calls of the body.
    pub calls: u32,
    /// All delays together, none of them shortened by jitter.
    pub delays: Duration,
    /// The whole call; `None` where nothing bounds an attempt.
    ///
    /// The `deadline`, else the delays and `max_attempts` times `attempt_timeout`.
    pub duration: Option<Duration>,
    /// The same where every failed attempt comes with the longest server hint that is followed.
    pub duration_with_hints: Option<Duration>,
}

impl WorstCase {
    /// Of a function that runs its body once.
    pub(crate) const ONCE: Self =
        Self { calls: 1, delays: Duration::ZERO, duration: None, duration_with_hints: None };

    pub(crate) fn of(policy: &RetryPolicy, is_async: bool) -> Self {
        let calls = policy.attempts();
        let delays = longest_delays(policy);
        let hinted = delays.max(longest_hinted(policy).saturating_mul(calls - 1));
        let total = |delays: Duration| {
            let deadline = deadline(policy);
            if let Some(deadline) = deadline
                && is_async
                && !policy.soft_deadline
            {
                return Some(deadline);
            }
            let timeout = policy.attempt_timeout?;
            let attempts = timeout.saturating_mul(calls).saturating_add(delays);
            // No attempt begins at a soft deadline, but the last one may begin just before.
            Some(deadline.map_or(attempts, |soft| attempts.min(soft.saturating_add(timeout))))
        };
        Self { calls, delays, duration: total(delays), duration_with_hints: total(hinted) }
    }
}

/// The delay before retry number `retry` where jitter takes nothing away.
pub(crate) fn longest_delay(policy: &RetryPolicy, retry: u32, previous: Duration) -> Duration {
    policy.delay(retry, previous, 0).max(policy.delay(retry, previous, u64::MAX))
}

fn longest_delays(policy: &RetryPolicy) -> Duration {
    let retries = policy.attempts() - 1;
    let (mut sum, mut previous) = (Duration::ZERO, Duration::ZERO);
    for retry in 1..=retries.min(ONE_BY_ONE) {
        previous = longest_delay(policy, retry, previous);
        sum = sum.saturating_add(previous);
    }
    sum.saturating_add(previous.saturating_mul(retries.saturating_sub(ONE_BY_ONE)))
}

/// The longest delay that a server can ask for.
fn longest_hinted(policy: &RetryPolicy) -> Duration {
    let limit = Duration::from_nanos(policy.hint_limit());
    Duration::from_nanos(policy.hinted_delay(limit, u64::MAX))
}

/// The deadline of a call.
pub(crate) const fn deadline(policy: &RetryPolicy) -> Option<Duration> {
    policy.longest()
}

/// The ceiling of every delay.
pub(crate) const fn max_delay(policy: &RetryPolicy) -> Duration {
    Duration::from_nanos(policy.ceiling_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Jitter;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn delays_are_added_without_their_jitter() {
        let policy = RetryPolicy::new().max_attempts(5);
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::None] {
            let worst = WorstCase::of(&policy.jitter(jitter), true);
            assert_eq!((worst.calls, worst.delays), (5, seconds(1 + 2 + 4 + 8)), "{jitter:?}");
            assert_eq!(worst.duration, None, "an attempt may take for ever");
        }
        let constant = WorstCase::of(&policy.constant(), true);
        assert_eq!(constant.delays, seconds(4));
        let decorrelated = WorstCase::of(&policy.decorrelated(), true);
        assert_eq!(decorrelated.delays, seconds(3 + 9 + 27 + 60));
    }

    #[test]
    fn a_deadline_bounds_what_it_can_cut() {
        let policy = RetryPolicy::new().deadline(seconds(10));
        assert_eq!(WorstCase::of(&policy, true).duration, Some(seconds(10)));
        assert_eq!(WorstCase::of(&policy, false).duration, None);
        let soft = RetryPolicy::new().soft_deadline(seconds(10)).attempt_timeout(seconds(4));
        assert_eq!(WorstCase::of(&soft, true).duration, Some(seconds(14)));
    }

    #[test]
    fn timeouts_bound_a_call_and_hints_lengthen_it() {
        let policy = RetryPolicy::new().attempt_timeout(seconds(2));
        let worst = WorstCase::of(&policy, true);
        assert_eq!(worst.duration, Some(seconds(3 + 6)));
        assert_eq!(worst.duration_with_hints, Some(seconds(2 * 66 + 6)));
    }

    #[test]
    fn no_number_of_attempts_is_too_many() {
        let policy = RetryPolicy::new().max_attempts(u32::MAX).attempt_timeout(Duration::MAX);
        let worst = WorstCase::of(&policy, true);
        assert_eq!(worst.duration, Some(Duration::MAX));
        assert!(worst.delays > seconds(60 * 4_000_000_000));
    }
}
