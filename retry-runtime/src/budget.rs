//! A token bucket that limits retries, never first attempts.
//!
//! Lock-free: two words, the tokens and the moment up to which refill was credited. Whoever moves
//! the second word forward credits what lies between, so every nanosecond and every deposit is
//! counted once however many threads ask.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock};

use crate::defaults;
use crate::drivers::clock;
use crate::time::{Timestamp, nanos};

/// Tokens are kept in millionths, so that a ratio of 0.1 adds up exactly.
const TOKEN: u64 = 1_000_000;

/// No bucket is larger: beyond a billion tokens nothing is limited any more.
const MOST_TOKENS: u32 = 1_000_000_000;

/// A bucket of tokens, one for each retry.
///
/// `tokens_per_second` flow in up to `max_tokens`; the bucket starts full. Functions that share one
/// (`budget = PAYMENTS_BUDGET`) share its limit, however many they are.
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
pub struct RetryBudget {
    tokens: AtomicU64,
    /// Refill is credited up to here, in nanoseconds of the library's clock.
    credited: AtomicU64,
    /// Millionths of a token a second.
    rate: u64,
    capacity: u64,
    per_call: u64,
}

impl RetryBudget {
    /// A full bucket of `max_tokens` that gains `tokens_per_second`.
    ///
    /// # Panics
    ///
    /// When the rate is negative, not a number or above a billion, or the bucket holds nothing or
    /// more than a billion. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(tokens_per_second: f64, max_tokens: u32) -> Self {
        assert!(
            tokens_per_second >= 0.0 && tokens_per_second <= MOST_TOKENS as f64,
            "`tokens_per_second` must be a number from 0 to 1e9"
        );
        assert!(
            max_tokens >= 1 && max_tokens <= MOST_TOKENS,
            "`max_tokens` must be from 1 to 1_000_000_000: for no retries write `max_attempts = 1`"
        );
        Self {
            tokens: AtomicU64::new(max_tokens as u64 * TOKEN),
            credited: AtomicU64::new(0),
            rate: micros(tokens_per_second),
            capacity: max_tokens as u64 * TOKEN,
            per_call: 0,
        }
    }

    /// The same bucket, which also gains `ratio` tokens for every call of a function that uses it.
    ///
    /// # Panics
    ///
    /// When the ratio is negative, not a number or above 1000.
    #[must_use]
    #[track_caller]
    pub const fn deposit_per_call(mut self, ratio: f64) -> Self {
        assert!(ratio >= 0.0 && ratio <= 1000.0, "`ratio` must be a number from 0 to 1000");
        self.per_call = micros(ratio);
        self
    }

    /// Takes one token, if there is one.
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire(&self) -> bool {
        self.acquire_at(clock::now())
    }

    /// Takes one token, or says that there is none.
    ///
    /// # Errors
    ///
    /// [`BudgetExhausted`] when less than one token is left.
    pub fn try_acquire(&self) -> Result<(), BudgetExhausted> {
        if self.acquire() { Ok(()) } else { Err(BudgetExhausted(())) }
    }

    /// [`acquire`](Self::acquire) at a moment of the caller's clock. A moment before the last one
    /// changes nothing.
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire_at(&self, now: Timestamp) -> bool {
        let earned = earn(&self.credited, self.rate, now);
        if earned > 0 {
            add(&self.tokens, earned, self.capacity);
        }
        take(&self.tokens)
    }

    /// Adds what `calls` calls earn.
    pub fn deposit(&self, calls: u64) {
        if self.per_call > 0 && self.tokens.load(Relaxed) < self.capacity {
            add(&self.tokens, self.per_call.saturating_mul(calls), self.capacity);
        }
    }

    /// A full bucket with the same settings.
    pub(crate) const fn fresh(&self) -> Self {
        Self {
            tokens: AtomicU64::new(self.capacity),
            credited: AtomicU64::new(0),
            rate: self.rate,
            capacity: self.capacity,
            per_call: self.per_call,
        }
    }

    /// Whether another budget limits in the same way.
    pub(crate) const fn agrees_with(&self, other: &Self) -> bool {
        self.rate == other.rate
            && self.capacity == other.capacity
            && self.per_call == other.per_call
    }

    /// Whole tokens left, refill since the last request not included.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens.load(Relaxed) / TOKEN
    }

    /// Whole tokens left at a moment of the caller's clock, refill included. Changes nothing.
    #[must_use]
    pub fn tokens_at(&self, now: Timestamp) -> u64 {
        let elapsed = now.as_nanos().saturating_sub(self.credited.load(Relaxed));
        let earned = u128::from(elapsed) * u128::from(self.rate) / 1_000_000_000;
        let earned = u64::try_from(earned).unwrap_or(u64::MAX);
        self.tokens.load(Relaxed).saturating_add(earned).min(self.capacity) / TOKEN
    }

    /// The most tokens the bucket holds.
    #[must_use]
    pub const fn max_tokens(&self) -> u64 {
        self.capacity / TOKEN
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("tokens", &self.tokens())
            .field("max_tokens", &self.max_tokens())
            .finish_non_exhaustive()
    }
}

/// The budget of a name: the first that was registered under it.
///
/// A later one with other settings is not used, which is said once.
pub(crate) fn named(name: &'static str, own: &'static RetryBudget) -> &'static RetryBudget {
    static NAMES: RwLock<BTreeMap<&'static str, (&'static RetryBudget, bool)>> =
        RwLock::new(BTreeMap::new());
    let known = NAMES.read().unwrap_or_else(PoisonError::into_inner).get(name).copied();
    if let Some((first, said)) = known
        && (said || first.agrees_with(own))
    {
        return first;
    }
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    let (first, said) = names.entry(name).or_insert((own, false));
    if !first.agrees_with(own) && !*said {
        *said = true;
        tracing::error!(
            target: "steadfast::retry",
            budget = name, first = ?*first, other = ?own,
            "two functions give the budget of this name different settings; the first holds"
        );
    }
    first
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

/// The budget of a function that says nothing: 0.2 token a call and one a minute; capacity two
/// tenths of the function's own calls of the last 10 s, at least `max_attempts - 1`.
///
/// A success pays nothing for it: deposits are read off the call counters when a retry asks.
#[derive(Debug)]
pub(crate) struct DefaultBudget {
    /// Millionths of tokens plus one; zero is a bucket that nobody has asked yet, hence a full one.
    tokens: AtomicU64,
    credited: AtomicU64,
    /// Calls that were already paid for.
    counted: AtomicU64,
    /// Of each of the last seconds in which somebody asked: the second and the calls counted
    /// until then, packed by `pack`.
    seconds: [AtomicU64; SECONDS],
}

/// Buckets of a second; a power of two above the window of ten.
const SECONDS: usize = 16;

impl DefaultBudget {
    pub(crate) const fn new() -> Self {
        Self {
            tokens: AtomicU64::new(0),
            credited: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            seconds: [const { AtomicU64::new(0) }; SECONDS],
        }
    }

    /// Takes one token. `calls` is the number of calls ever made, `floor` the least capacity.
    pub(crate) fn acquire_at(&self, now: Timestamp, calls: u64, floor: u32) -> bool {
        let recent = self.recent_calls(now, calls);
        let capacity = (recent.saturating_mul(defaults::BUDGET_PER_CALL_MICROS))
            .max(u64::from(floor) * TOKEN)
            .clamp(TOKEN, u64::from(MOST_TOKENS) * 1000 * TOKEN);
        let before = self.counted.fetch_max(calls, Relaxed);
        let deposit = calls.saturating_sub(before).saturating_mul(defaults::BUDGET_PER_CALL_MICROS);
        let rate = const { micros(defaults::BUDGET_TOKENS_PER_SECOND) };
        let earned = earn(&self.credited, rate, now).saturating_add(deposit);
        let full = u64::from(floor).max(1) * TOKEN;
        let after_deposit = |word: u64| {
            let tokens = word.checked_sub(1).unwrap_or(full);
            tokens.saturating_add(earned).min(capacity)
        };
        // The deposit is kept even where it is not enough for a token.
        self.tokens
            .fetch_update(Relaxed, Relaxed, |word| {
                let tokens = after_deposit(word);
                Some(tokens.checked_sub(TOKEN).unwrap_or(tokens) + 1)
            })
            .is_ok_and(|word| after_deposit(word) >= TOKEN)
    }

    /// Whole tokens that were left after the last request; 0 before the first.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens.load(Relaxed).saturating_sub(1) / TOKEN
    }

    /// Calls of about the last ten seconds, and a note of how many there were until now.
    fn recent_calls(&self, now: Timestamp, calls: u64) -> u64 {
        // Second 0 is an empty bucket, so the clock starts at second 1.
        let second = now.as_nanos() / 1_000_000_000 + 1;
        let slot = &self.seconds[usize::try_from(second).unwrap_or(0) % SECONDS];
        let old = slot.load(Relaxed);
        if second_of(old) != second & SECOND_MASK {
            // Losing the race means that another thread noted the same second.
            let _ = slot.compare_exchange(old, pack(second, calls), Relaxed, Relaxed);
        }
        let window = nanos(defaults::BUDGET_WINDOW) / 1_000_000_000;
        // The oldest note inside the window; where nobody asked for longer than that, the newest
        // before it, its calls taken as evenly spread.
        let (mut inside, mut outside) = (None::<(u64, u64)>, None::<(u64, u64)>);
        for slot in &self.seconds {
            let note = slot.load(Relaxed);
            if note == 0 {
                continue;
            }
            let age = second.wrapping_sub(second_of(note)) & SECOND_MASK;
            let since = calls.wrapping_sub(note) & CALL_MASK;
            if age <= window && inside.is_none_or(|(oldest, _)| age > oldest) {
                inside = Some((age, since));
            } else if age > window && outside.is_none_or(|(newest, _)| age < newest) {
                outside = Some((age, since));
            }
        }
        let seen = inside.map_or(0, |(_, since)| since);
        match outside {
            // What came between the note outside and the first inside, in proportion.
            Some((age, since)) => {
                let covered = inside.map_or(0, |(oldest, _)| oldest);
                let gap = since.saturating_sub(seen);
                let part = window.saturating_sub(covered);
                seen + gap * part / (age - covered).max(1)
            }
            // The first seconds after the first failure ever: how fast the calls before it came
            // nobody knows, so what came since stands for the whole window. Notes are a second
            // coarse; below two of them there is nothing to go by.
            None => match inside {
                Some((age, since)) if age >= 2 => {
                    calls.min(since.saturating_add(1).saturating_mul(window) / age)
                }
                _ => calls,
            },
        }
    }
}

const CALL_BITS: u32 = 40;
const CALL_MASK: u64 = (1 << CALL_BITS) - 1;
const SECOND_MASK: u64 = (1 << (64 - CALL_BITS)) - 1;

const fn pack(second: u64, calls: u64) -> u64 {
    ((second & SECOND_MASK) << CALL_BITS) | (calls & CALL_MASK)
}

const fn second_of(note: u64) -> u64 {
    note >> CALL_BITS
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "callers have checked that the product is a non-negative number far below 2^64"
)]
const fn micros(tokens: f64) -> u64 {
    (tokens * TOKEN as f64) as u64
}

/// Moves `credited` forward to `now` and returns the millionths that were earned on the way.
///
/// Time that earns less than one millionth stays uncredited, so that asking often loses nothing.
fn earn(credited: &AtomicU64, rate: u64, now: Timestamp) -> u64 {
    if rate == 0 {
        return 0;
    }
    let now = now.as_nanos();
    let mut since = credited.load(Relaxed);
    loop {
        let elapsed = now.saturating_sub(since);
        let earned = u128::from(elapsed) * u128::from(rate) / 1_000_000_000;
        if earned == 0 {
            return 0;
        }
        let worth = u64::try_from(earned * 1_000_000_000 / u128::from(rate)).unwrap_or(elapsed);
        match credited.compare_exchange_weak(since, since + worth, Relaxed, Relaxed) {
            Ok(_) => return u64::try_from(earned).unwrap_or(u64::MAX),
            Err(newer) => since = newer,
        }
    }
}

fn add(tokens: &AtomicU64, amount: u64, capacity: u64) {
    let _ = tokens
        .fetch_update(Relaxed, Relaxed, |tokens| Some(tokens.saturating_add(amount).min(capacity)));
}

fn take(tokens: &AtomicU64) -> bool {
    tokens.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(TOKEN)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(SECOND + nanos)
    }

    /// Retries granted to `calls` calls at `rate` a second that all fail and would retry twice.
    fn outage(budget: &DefaultBudget, from: u64, calls: u64, rate: u64) -> u64 {
        let mut granted = 0;
        for call in 1..=calls {
            let now = at(from + call * SECOND / rate);
            for _ in 0..2 {
                granted += u64::from(budget.acquire_at(now, call, 2));
            }
        }
        granted
    }

    #[test]
    fn a_total_outage_costs_a_fifth_more_than_the_normal_load() {
        // The floor of two tokens, a fifth of the calls, and one token a minute; what the first call
        // earns does not fit into the full bucket.
        assert_eq!(outage(&DefaultBudget::new(), 0, 50, 10), 11);
        assert!((1208..=1212).contains(&outage(&DefaultBudget::new(), 0, 6000, 10)));
    }

    #[test]
    fn a_client_of_one_call_an_hour_keeps_all_its_retries() {
        let budget = DefaultBudget::new();
        for hour in 0..100 {
            for _ in 0..2 {
                assert!(budget.acquire_at(at(hour * 3600 * SECOND), hour + 1, 2), "hour {hour}");
            }
        }
    }

    #[test]
    fn a_blip_on_a_busy_service_is_healed() {
        let budget = DefaultBudget::new();
        // An hour of 1000 calls a second, then 100 ms of them fail twice each.
        let calls = 3_600_000;
        let healed = (0..200)
            .filter(|n| budget.acquire_at(at(3600 * SECOND + n * SECOND / 1000), calls + n / 2, 2))
            .count();
        assert_eq!(healed, 200);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let budget = DefaultBudget::new();
        while budget.acquire_at(at(3600 * SECOND), 1, 2) {}
        assert!(!budget.acquire_at(at(0), 1, 2));
        assert!(!budget.acquire_at(Timestamp::ZERO, 1, 2));
        let shared = RetryBudget::new(1.0, 5);
        while shared.acquire_at(at(3600 * SECOND)) {}
        assert!(!shared.acquire_at(at(0)));
        assert!(shared.acquire_at(at(3601 * SECOND)));
    }

    #[test]
    fn tokens_are_conserved_across_threads() {
        let budget = RetryBudget::new(0.0, 1000).deposit_per_call(0.5);
        let granted: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..2000)
                            .filter(|_| {
                                budget.deposit(1);
                                budget.acquire_at(at(0))
                            })
                            .count() as u64
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert!(granted <= 1000 + 8 * 2000 / 2, "{granted}");
        assert!(granted >= 8 * 2000 / 2, "{granted}");
        assert!(budget.tokens() <= 1000);
    }

    #[test]
    fn rates_that_mean_nothing_are_refused() {
        for rate in [f64::NAN, -1.0, f64::INFINITY, 1e300] {
            assert!(std::panic::catch_unwind(|| RetryBudget::new(rate, 1)).is_err(), "{rate}");
            let ratio =
                std::panic::catch_unwind(|| RetryBudget::new(0.0, 1).deposit_per_call(rate));
            assert!(ratio.is_err(), "{rate}");
        }
        assert!(std::panic::catch_unwind(|| RetryBudget::new(0.0, 0)).is_err());
    }

    #[test]
    fn slow_refill_is_not_lost_to_frequent_requests() {
        let budget = RetryBudget::new(0.1, 1);
        assert!(budget.acquire_at(at(0)));
        let granted = (1..=100_000).filter(|n| budget.acquire_at(at(n * SECOND / 1000))).count();
        assert_eq!(granted, 10, "a hundred seconds at a tenth of a token");
    }
}
