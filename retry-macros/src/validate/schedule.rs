//! The delays of a schedule in numbers, where all of them are known while expanding.

use std::time::Duration;

pub(super) enum Growth {
    None,
    Step,
    Factor(f64),
}

/// The delays in seconds, each at the same share of what jitter can draw. Floating point is exact
/// enough to say that something is impossible, given the slack below.
pub(super) struct Delays {
    pub(super) base: f64,
    pub(super) max: f64,
    pub(super) growth: Growth,
    pub(super) share: f64,
}

impl Delays {
    /// The sum of all delays between `attempts`.
    pub(super) fn total(&self, attempts: u32) -> Duration {
        // Nothing fits no time, unless it takes none.
        self.beyond(attempts, Duration::ZERO).map_or(Duration::ZERO, |(total, _)| total)
    }

    /// The sum of the delays between `attempts`, and how many attempts fit, if not all do.
    pub(super) fn beyond(&self, attempts: u32, deadline: Duration) -> Option<(Duration, u32)> {
        // Delays never shrink, so that behind this many steps the last one stands for the rest.
        const STEPS: u32 = 10_000;
        // Half a nanosecond in a second: rounding must not refuse a schedule that just fits.
        const SLACK: f64 = 1.0 + 5e-10;
        let deadline = deadline.as_secs_f64() * SLACK;
        let delays = attempts.saturating_sub(1);
        let (mut total, mut fitting, mut next) = (0.0, 1, self.base);
        for step in 1..=delays.min(STEPS) {
            let delay = next.min(self.max) * self.share;
            total += delay;
            if total <= deadline {
                fitting = step + 1;
            }
            if step == STEPS {
                let rest = f64::from(delays - STEPS);
                if total <= deadline && delay > 0.0 {
                    let more = ((deadline - total) / delay).floor().min(rest);
                    // At most `rest`, which was a `u32`.
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let more = more as u32;
                    fitting += more;
                }
                total += delay * rest;
            }
            next = match self.growth {
                Growth::None => next,
                Growth::Step => next + self.base,
                Growth::Factor(factor) => next * factor,
            };
        }
        (total > deadline)
            .then(|| (Duration::try_from_secs_f64(total).unwrap_or(Duration::MAX), fitting))
    }
}
