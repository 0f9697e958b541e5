//! How long to wait before a retry: the schedule, the jitter, the cap. Pure arithmetic in
//! nanoseconds; the random number comes in.

use std::time::Duration;

use crate::time::nanos;

/// A schedule of delays of one's own, for `backoff = MySchedule::new(…)`.
///
/// The answer is the delay before jitter; the policy's jitter and `max_delay` are applied to it.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Backoff, RetryPolicy, Jitter};
///
/// #[derive(Debug)]
/// struct Table([u64; 3]);
///
/// impl Backoff for Table {
///     fn delay(&self, retry: u32, _previous: Duration) -> Duration {
///         let index = (retry as usize - 1).min(self.0.len() - 1);
///         Duration::from_millis(self.0[index])
///     }
/// }
///
/// static POLICY: RetryPolicy = RetryPolicy::new().backoff(&Table([10, 50, 250])).jitter(Jitter::None);
/// assert_eq!(POLICY.delay(2, Duration::ZERO, 0), Duration::from_millis(50));
/// assert_eq!(POLICY.delay(9, Duration::ZERO, 0), Duration::from_millis(250));
/// ```
pub trait Backoff: Send + Sync {
    /// The delay before retry number `retry` (1 is the first), when `previous` was the delay before
    /// the last one (zero before the first).
    fn delay(&self, retry: u32, previous: Duration) -> Duration;
}

/// How delays are spread, so that clients that failed together do not return together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Jitter {
    /// Uniform in `0..=delay`: the least work for the server (Brooker, “Exponential Backoff And
    /// Jitter”, AWS Architecture Blog, 2015).
    #[default]
    Full,
    /// Half of the delay is kept, the other half drawn: `delay/2..=delay`.
    Equal,
    /// The delay as it is. Clients that failed together come back together.
    None,
}

#[derive(Clone, Copy)]
pub(crate) enum Schedule {
    Exponential,
    Linear,
    Constant,
    Decorrelated,
    Custom(&'static dyn Backoff),
}

impl Schedule {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Linear => "linear",
            Self::Constant => "constant",
            Self::Decorrelated => "decorrelated",
            Self::Custom(_) => "custom",
        }
    }
}

/// The largest `u64` up to `limit` that `random` picks, uniformly: a multiplication instead of a
/// division, biased by less than `limit / 2^64`.
pub(crate) const fn up_to(limit: u64, random: u64) -> u64 {
    let scaled = (limit as u128 + 1) * random as u128;
    (scaled >> 64) as u64
}

/// [`up_to`] of a limit below `u64::MAX`.
#[inline]
pub(crate) const fn below(limit: u64, random: u64) -> u64 {
    (((limit + 1) as u128 * random as u128) >> 64) as u64
}

/// How many of the delays `base, 2 * base, 4 * base, …` are below `cap`.
pub(crate) const fn doublings(base: u64, cap: u64) -> u32 {
    let mut count = 0;
    while base > 0 && count <= base.leading_zeros() && base << count < cap {
        count += 1;
    }
    count
}

/// `base * factor^(retry - 1)` in nanoseconds, at most `cap`.
///
/// Powers of two are shifts, since they are what nearly everybody uses. Everything else goes
/// through `f64`, where overflow is an infinity that the cast saturates.
#[expect(
    clippy::float_cmp,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "2.0 is exact; the cast saturates and the cap follows"
)]
pub(crate) fn exponential(base: u64, factor: f64, retry: u32, cap: u64) -> u64 {
    let exponent = retry.saturating_sub(1);
    let grown = if factor == 2.0 {
        if base == 0 {
            0
        } else if exponent > base.leading_zeros() {
            cap
        } else {
            base << exponent
        }
    } else {
        let power = factor.powi(i32::try_from(exponent).unwrap_or(i32::MAX));
        (base as f64 * power) as u64
    };
    grown.min(cap)
}

/// Spreads an un-jittered delay that is already at or below the cap.
pub(crate) const fn spread(jitter: Jitter, delay: u64, random: u64) -> u64 {
    match jitter {
        Jitter::Full => up_to(delay, random),
        Jitter::Equal => delay - up_to(delay / 2, random),
        Jitter::None => delay,
    }
}

/// `min(cap, U(base, 3 * previous))`, the previous draw included: a schedule that is its own jitter.
///
/// The cap is applied to the range, not to the draw: cutting the draw would bring clients that
/// reached the cap back into step.
pub(crate) const fn decorrelated(base: u64, previous: u64, cap: u64, random: u64) -> u64 {
    let low = if base < cap { base } else { cap };
    let tripled = (if previous > base { previous } else { base }).saturating_mul(3);
    let high = if tripled < cap { tripled } else { cap };
    low + up_to(high - low, random)
}

/// A delay that honours a server's hint: uniform in `[hint, hint + max(base, hint / 10)]`, never
/// sooner than asked and not all at once.
pub(crate) const fn hinted(hint: Duration, base: u64, random: u64) -> u64 {
    let hint = nanos(hint);
    let tenth = hint / 10;
    let width = if base > tenth { base } else { tenth };
    hint.saturating_add(up_to(width, random))
}
