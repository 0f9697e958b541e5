//! The budget of a function that says nothing: a bucket whose size follows the function's own calls.
//!
//! A success pays nothing for it: how many calls there were is read off their counter when a retry
//! asks. So nothing is known of a function before its first failure but how often it was called in
//! all, and the rate has to be learned while the first outage of a process already runs. For two
//! seconds the size follows the calls seen since that failure, and the bucket is filled as it grows:
//! that heals a blip of 100 ms at a thousand calls a second, and in an outage costs what it costs
//! a function whose rate was known.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::bucket::{self, Flow, MOST_TOKENS, TOKEN};
use crate::defaults;
use crate::time::{Timestamp, nanos};

const SECOND: u64 = 1_000_000_000;
const WINDOW: u64 = nanos(defaults::BUDGET_WINDOW);
const PER_CALL: u64 = defaults::BUDGET_PER_CALL_BILLIONTHS;
const MOST: u64 = MOST_TOKENS as u64 * TOKEN;
const FLOW: Flow = Flow::new(defaults::BUDGET_TOKENS_PER_SECOND, MOST);

/// So long after the first failure the bucket is filled as the rate becomes known.
const LEARNING: u64 = 2 * SECOND;

/// Taken to have passed before the first failure, so that two calls in a row are no high rate.
const BEFORE: u64 = SECOND / 10;

/// Notes of a second; a power of two above the window of ten.
const SECONDS: usize = 16;

/// A retry budget that sizes itself: what every function has that names no budget.
///
/// 0.2 token a call and one in two minutes flow in; capacity is two tenths of the calls of the last
/// 10 s, at least `floor` tokens, and the bucket starts full. So a total outage costs the dependency about
/// 1.2 times the normal load, a blip is healed, and a client that calls once an hour keeps all its
/// retries. [`allowance`](Self::allowance) has the numbers.
///
/// `calls` is a counter of the calls made so far, which only grows; `floor` is usually
/// `max_attempts - 1`.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Timestamp, budget::AdaptiveBudget};
///
/// static BUDGET: AdaptiveBudget = AdaptiveBudget::new();
///
/// let start = Timestamp::from_nanos(1_000_000_000);
/// // The first call fails, and both its retries do.
/// assert!(BUDGET.acquire_at(start, 1, 2) && BUDGET.acquire_at(start, 1, 2));
/// assert!(!BUDGET.acquire_at(start, 1, 2));
/// // Five calls later there is a token again.
/// assert!(BUDGET.acquire_at(start.saturating_add(Duration::from_secs(1)), 6, 2));
/// assert!(!BUDGET.acquire_at(start.saturating_add(Duration::from_secs(1)), 6, 2));
/// ```
pub struct AdaptiveBudget {
    /// Billionths of tokens plus one; zero is a bucket that nobody has asked yet, hence a full one.
    tokens: AtomicU64,
    credited: AtomicU64,
    /// Calls that were already paid for.
    counted: AtomicU64,
    /// The moment of the first request plus one, and the calls made until then.
    first: AtomicU64,
    first_calls: AtomicU64,
    /// Requests while the rate is learned, `LEARNED` afterwards, and the largest capacity that was
    /// filled meanwhile.
    asked: AtomicU64,
    filled: AtomicU64,
    /// Of each of the last seconds in which somebody asked: the second and the calls counted until
    /// then, packed by `pack`.
    seconds: [AtomicU64; SECONDS],
    /// The newest note that a later second took the place of.
    before: AtomicU64,
}

/// In place of a count of requests: the first two seconds are over, and do not come back with a
/// clock that does.
const LEARNED: u64 = u64::MAX;

impl Default for AdaptiveBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AdaptiveBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveBudget").field("tokens", &self.tokens()).finish_non_exhaustive()
    }
}

impl AdaptiveBudget {
    /// A full bucket. All zeros, so that a `static` of it takes no room in the binary.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tokens: AtomicU64::new(0),
            credited: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            first: AtomicU64::new(0),
            first_calls: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            filled: AtomicU64::new(0),
            seconds: [const { AtomicU64::new(0) }; SECONDS],
            before: AtomicU64::new(0),
        }
    }

    /// Takes one token, if there is one. `calls` is the number of calls ever made, the one that asks
    /// included, `floor` the least capacity in tokens.
    ///
    /// A moment before the last one changes nothing.
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire_at(&self, now: Timestamp, calls: u64, floor: u32) -> bool {
        let now = now.as_nanos();
        let full = u64::from(floor.max(1)).min(u64::from(MOST_TOKENS)) * TOKEN;
        self.note(now / SECOND + 1, calls);
        let age = self.age(now, calls);
        let asked = self.learning(age);
        if asked == 0 {
            // Refused by reading alone.
            let held = self.tokens.load(Relaxed).checked_sub(1).unwrap_or(full);
            let earned = FLOW.earned(now.saturating_sub(self.credited.load(Relaxed)));
            let deposit = paid(calls.saturating_sub(self.counted.load(Relaxed)));
            if held + earned + deposit < TOKEN {
                return false;
            }
        }
        self.acquire_slowly(now, calls, full, age, asked)
    }

    #[inline(never)]
    fn acquire_slowly(&self, now: u64, calls: u64, full: u64, age: u64, asked: u64) -> bool {
        let capacity = self.capacity(now, calls, age, asked, full / TOKEN).clamp(full, MOST);
        let before = self.counted.fetch_max(calls, Relaxed);
        let mut inflow = paid(calls.saturating_sub(before));
        inflow += bucket::credit(&self.credited, &FLOW, now);
        if asked > 0 {
            // What is known of the rate grows, and the bucket with it.
            // Calls since the first request pay for themselves, so this is for those before.
            let history = paid(self.first_calls.load(Relaxed));
            let worth = capacity.min(history.max(full));
            inflow += worth.saturating_sub(self.filled.fetch_max(worth, Relaxed).max(full));
        }
        let after = |word: u64| (word.checked_sub(1).unwrap_or(full) + inflow).min(capacity);
        // The inflow is kept even where it is not enough for a token.
        self.tokens
            .fetch_update(Relaxed, Relaxed, |word| {
                let held = after(word);
                Some(held.checked_sub(TOKEN).unwrap_or(held) + 1)
            })
            .is_ok_and(|word| after(word) >= TOKEN)
    }

    /// Whole tokens that were left after the last request; 0 before the first.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Relaxed).saturating_sub(1) / TOKEN
    }

    /// How long ago the first request was: this one, perhaps.
    fn age(&self, now: u64, calls: u64) -> u64 {
        let first = self.first.load(Relaxed);
        if first == 0 {
            // The thread that loses the race takes the other's moment for its own.
            let stamp = now.saturating_add(1).max(1);
            if self.first.compare_exchange(0, stamp, Relaxed, Relaxed).is_ok() {
                self.first_calls.store(calls, Relaxed);
            }
            return 0;
        }
        // Before the first one nothing is learned.
        now.checked_sub(first - 1).unwrap_or(WINDOW)
    }

    /// Requests so far while the rate is learned, this one included; 0 afterwards.
    #[inline]
    fn learning(&self, age: u64) -> u64 {
        let asked = self.asked.load(Relaxed);
        if asked == LEARNED {
            return 0;
        }
        if age >= LEARNING {
            self.asked.store(LEARNED, Relaxed);
            return 0;
        }
        // A count that misses one of two requests at once is as good.
        self.asked.store(asked + 1, Relaxed);
        asked + 1
    }

    /// Two tenths of the calls of the last ten seconds.
    fn capacity(&self, now: u64, calls: u64, age: u64, asked: u64, floor: u64) -> u64 {
        if age >= WINDOW {
            return paid(self.recent_calls(now / SECOND + 1, calls));
        }
        // A call asks at most `floor` times; calls that are retrying now are not counted yet.
        let asking = asked.saturating_sub(floor) / floor.max(1);
        let remainder = asked.saturating_sub(floor) % floor.max(1);
        let since = calls.saturating_sub(self.first_calls.load(Relaxed));
        let capacity = if since > asking {
            scaled(paid(since), age)
        } else {
            scaled(paid(asking) + PER_CALL * remainder / floor.max(1), age)
        };
        capacity.min(paid(calls))
    }

    /// Notes how many calls there were at the first request of a second.
    #[inline]
    fn note(&self, second: u64, calls: u64) {
        let slot = &self.seconds[usize::try_from(second).unwrap_or(0) % SECONDS];
        let old = slot.load(Relaxed);
        // A second that lies before the one noted changes nothing.
        let ahead = second.wrapping_sub(second_of(old)) & SECOND_MASK;
        if old == 0 || (ahead > 0 && ahead <= SECOND_MASK / 2) {
            // Losing the race means that another thread noted the same second.
            if slot.compare_exchange(old, pack(second, calls), Relaxed, Relaxed).is_ok() {
                self.before.fetch_max(old, Relaxed);
            }
        }
    }

    /// Calls of about the last ten seconds.
    fn recent_calls(&self, second: u64, calls: u64) -> u64 {
        const SPAN: u64 = WINDOW / SECOND;
        // The oldest note inside the window; where nobody asked for longer than that, the newest
        // before it, its calls taken as evenly spread.
        let (mut inside, mut outside) = (None::<(u64, u64)>, None::<(u64, u64)>);
        for slot in self.seconds.iter().chain([&self.before]) {
            let note = slot.load(Relaxed);
            if note == 0 {
                continue;
            }
            let age = second.wrapping_sub(second_of(note)) & SECOND_MASK;
            if age > SECOND_MASK / 2 {
                // Of a moment that this clock has not reached.
                continue;
            }
            let since = calls.wrapping_sub(note) & CALL_MASK;
            if age <= SPAN && inside.is_none_or(|(oldest, _)| age > oldest) {
                inside = Some((age, since));
            } else if age > SPAN && outside.is_none_or(|(newest, _)| age < newest) {
                outside = Some((age, since));
            }
        }
        let (covered, seen) = inside.unwrap_or((0, 0));
        match outside {
            // What came between the note outside and the first inside, in proportion.
            Some((age, since)) => {
                let gap = since.saturating_sub(seen);
                seen + gap * SPAN.saturating_sub(covered) / (age - covered).max(1)
            }
            None => calls.min(seen),
        }
    }
}

/// What so many calls earn, and never more than a bucket can hold.
const fn paid(calls: u64) -> u64 {
    let earned = calls.saturating_mul(PER_CALL);
    if earned < MOST { earned } else { MOST }
}

/// An amount that came in `age` nanoseconds, as that of a whole window.
fn scaled(amount: u64, age: u64) -> u64 {
    let window = u128::from(amount) * u128::from(WINDOW);
    u64::try_from(window / u128::from(age + BEFORE)).unwrap_or(u64::MAX).min(MOST)
}

const CALL_BITS: u32 = 34;
const CALL_MASK: u64 = (1 << CALL_BITS) - 1;
/// 34 years of seconds; half of them, in which a note is told from one of the future.
const SECOND_MASK: u64 = (1 << (64 - CALL_BITS)) - 1;

const fn pack(second: u64, calls: u64) -> u64 {
    ((second & SECOND_MASK) << CALL_BITS) | (calls & CALL_MASK)
}

const fn second_of(note: u64) -> u64 {
    note >> CALL_BITS
}
