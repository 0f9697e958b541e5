//! The arithmetic of a token bucket and the two words it lives in: tokens, and the moment up to which
//! refill was credited. Knows no clock, no names and no settings.
//!
//! Whoever moves the second word forward credits what lies between, so every nanosecond is counted
//! once however many threads ask. It moves only when a token can be taken: a refusal writes nothing,
//! so refusals do not slow each other down, and asking often rounds nothing away.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Tokens are kept in billionths: a ratio of 0.1 adds up exactly, and a rate of one token a second is
/// one of them a nanosecond.
pub(super) const TOKEN: u64 = 1_000_000_000;

/// No bucket is larger: beyond a billion tokens nothing is limited any more. In billionths that is
/// less than 2^60, so that a few of them can be added without overflow.
pub(super) const MOST_TOKENS: u32 = 1_000_000_000;

/// Time that is told from a clock that went back: 292 years.
const LONGEST: u64 = 1 << 63;

/// What the arithmetic needs of an atomic word; `loom` has a type of its own.
pub(super) trait Word {
    fn read(&self) -> u64;
    /// The value found, as an error, unless it was `current`.
    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64>;
}

impl Word for AtomicU64 {
    #[inline]
    fn read(&self) -> u64 {
        self.load(Relaxed)
    }

    #[inline]
    fn exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.compare_exchange_weak(current, new, Relaxed, Relaxed)
    }
}

/// A rate, prepared so that what some time earns is one multiplication: tokens a second are
/// billionths a nanosecond, as a fraction of a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flow {
    /// `rate * 2^shift`, rounded down: the flow is never more than was asked for.
    factor: u64,
    shift: u32,
    /// Nanoseconds that fill the bucket, a little more: a longer time earns no more.
    fill: u64,
}

impl Flow {
    /// `rate` in tokens a second, 0 to 1e9, into a bucket of `capacity` billionths.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the casts saturate, and nothing here is negative"
    )]
    pub(super) const fn new(rate: f64, capacity: u64) -> Self {
        // As many bits behind the point as fit: 63 for a token a second, 34 for a billion.
        let mut shift = 63;
        let mut scale = 9_223_372_036_854_775_808.0; // 2^63
        while rate * scale >= 18_446_744_073_709_551_616.0 {
            shift -= 1;
            scale /= 2.0;
        }
        let fill = if rate > 0.0 { (capacity as f64 / rate * 1.000_001) as u64 } else { LONGEST };
        let fill = if fill < LONGEST { fill + 2 } else { LONGEST };
        Self { factor: (rate * scale) as u64, shift, fill }
    }

    #[inline]
    pub(super) const fn is_dry(&self) -> bool {
        self.factor == 0
    }

    /// Tokens a second.
    pub(super) const fn rate(&self) -> f64 {
        self.factor as f64 / (1_u64 << self.shift) as f64
    }

    /// Billionths that `elapsed` nanoseconds earn; not more than a millionth above the capacity.
    #[inline]
    pub(super) const fn earned(&self, elapsed: u64) -> u64 {
        self.flowed(if elapsed < self.fill { elapsed } else { self.fill })
    }

    /// [`earned`](Self::earned), of a time that is known not to fill the bucket.
    #[inline]
    const fn flowed(&self, elapsed: u64) -> u64 {
        // The shift is below 64, which the mask tells the compiler.
        let earned = (elapsed as u128 * self.factor as u128) >> (self.shift & 63);
        #[expect(clippy::cast_possible_truncation, reason = "about the capacity at most")]
        {
            earned as u64
        }
    }
}

/// Takes one token, refill up to `now` included.
///
/// What is usual stands here, inlined: nobody between our reading and our writing, and a clock that
/// went on by less than what fills the bucket. Everything else is `take_slowly`.
#[inline]
pub(super) fn take<W: Word>(
    tokens: &W,
    credited: &W,
    flow: &Flow,
    capacity: u64,
    now: u64,
) -> bool {
    let since = credited.read();
    // A clock that went back wraps around to more than the bucket takes to fill.
    let elapsed = now.wrapping_sub(since);
    if elapsed >= flow.fill {
        return take_slowly(tokens, credited, flow, capacity, now);
    }
    let earned = flow.flowed(elapsed);
    let held = tokens.read();
    let sum = held + earned;
    if sum < TOKEN {
        return false;
    }
    if earned > 0 && credited.exchange(since, now).is_err() {
        return take_slowly(tokens, credited, flow, capacity, now);
    }
    let full = if sum < capacity { sum } else { capacity };
    tokens.exchange(held, full - TOKEN).is_ok() || take_credited(tokens, capacity, earned)
}

#[cold]
#[inline(never)]
fn take_slowly<W: Word>(tokens: &W, credited: &W, flow: &Flow, capacity: u64, now: u64) -> bool {
    let mut since = credited.read();
    loop {
        let earned = flow.earned(now.saturating_sub(since));
        if tokens.read() + earned < TOKEN {
            return false;
        }
        if earned == 0 {
            return take_credited(tokens, capacity, 0);
        }
        match credited.exchange(since, now) {
            Ok(_) => return take_credited(tokens, capacity, earned),
            Err(newer) => since = newer,
        }
    }
}

/// Puts in what was earned and takes one token. Where another thread took the last one meanwhile,
/// what was earned is put in all the same.
#[cold]
#[inline(never)]
fn take_credited<W: Word>(tokens: &W, capacity: u64, earned: u64) -> bool {
    let mut held = tokens.read();
    loop {
        let full = (held + earned).min(capacity);
        let granted = full >= TOKEN;
        if !granted && earned == 0 {
            return false;
        }
        match tokens.exchange(held, if granted { full - TOKEN } else { full }) {
            Ok(_) => return granted,
            Err(newer) => held = newer,
        }
    }
}

/// Adds `amount` to a bucket that is not full; both are at most `capacity`.
#[inline]
pub(super) fn put<W: Word>(tokens: &W, amount: u64, capacity: u64) {
    let mut held = tokens.read();
    while held < capacity {
        let sum = held + amount;
        match tokens.exchange(held, if sum < capacity { sum } else { capacity }) {
            Ok(_) => return,
            Err(newer) => held = newer,
        }
    }
}

/// Moves `credited` forward to `now` and returns what was earned on the way; time that earns nothing
/// yet stays uncredited.
pub(super) fn credit<W: Word>(credited: &W, flow: &Flow, now: u64) -> u64 {
    let mut since = credited.read();
    loop {
        let earned = flow.earned(now.saturating_sub(since));
        if earned == 0 {
            return 0;
        }
        match credited.exchange(since, now) {
            Ok(_) => return earned,
            Err(newer) => since = newer,
        }
    }
}

/// Billionths of a token in a number of tokens that was checked to be in `0..=1e9`. Rounded to the
/// nearest, so that a ratio of 0.29 is 290 millionths.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked by the callers to be between 0 and 1e18"
)]
pub(super) const fn billionths(tokens: f64) -> u64 {
    (tokens * TOKEN as f64 + 0.5) as u64
}
