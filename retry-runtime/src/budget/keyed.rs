//! One budget for each value of a key, so that one tenant's outage does not use up the retries of
//! the others.
//!
//! Bounded: a bucket that is full says nothing that a new one would not say, so it is dropped where
//! room is needed. Keys are kept as two hashes with random keys of the process; their text stays
//! nowhere, neither in memory nor in a label.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{OnceLock, PoisonError, RwLock};

use super::{Allowance, BudgetExhausted, RetryBudget};
use crate::drivers::clock;
use crate::time::Timestamp;

/// The most keys that are told apart at a time, those with a full bucket not counted.
const MOST_KEYS: usize = 1024;

/// Locks of their own; a power of two.
const SHARDS: usize = 16;

/// Between two searches for full buckets, in nanoseconds: a flood of keys shall not make every
/// request look at all of them.
const BETWEEN_SWEEPS: u64 = 100_000_000;

/// A [`RetryBudget`] for each value of a key: `budget(key = "{tenant}", ratio = 0.2, max_tokens = 10)`.
///
/// At most 1024 keys have a bucket of their own, the ones whose bucket is not full; where more of
/// them fail at a time, the rest shares one.
///
/// ```
/// use retry_runtime::KeyedBudget;
///
/// static BUDGET: KeyedBudget = KeyedBudget::new(0.0, 2).deposit_per_call(0.5);
///
/// assert!(BUDGET.acquire("acme") && BUDGET.acquire("acme"));
/// assert!(!BUDGET.acquire("acme"));
/// assert!(BUDGET.acquire("globex"), "not the fault of that tenant");
/// BUDGET.deposit("acme", 2);
/// assert!(BUDGET.acquire("acme"));
/// ```
pub struct KeyedBudget {
    /// The settings; it is never asked.
    pattern: RetryBudget,
    /// For the keys that found no room.
    rest: RetryBudget,
    shards: [RwLock<BTreeMap<u128, RetryBudget>>; SHARDS],
    keys: AtomicUsize,
    swept: AtomicU64,
}

impl KeyedBudget {
    /// For each key a full bucket of `max_tokens` that gains `tokens_per_second`.
    ///
    /// # Panics
    ///
    /// As [`RetryBudget::new`]. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn new(tokens_per_second: f64, max_tokens: u32) -> Self {
        Self::of(RetryBudget::new(tokens_per_second, max_tokens))
    }

    const fn of(pattern: RetryBudget) -> Self {
        Self {
            rest: pattern.fresh(),
            pattern,
            shards: [const { RwLock::new(BTreeMap::new()) }; SHARDS],
            keys: AtomicUsize::new(0),
            swept: AtomicU64::new(0),
        }
    }

    /// The same budget, whose buckets also gain `ratio` tokens for every call of their key.
    ///
    /// # Panics
    ///
    /// As [`RetryBudget::deposit_per_call`]. In a `static` that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn deposit_per_call(mut self, ratio: f64) -> Self {
        self.pattern = self.pattern.with_ratio(ratio);
        self.rest = self.rest.with_ratio(ratio);
        self
    }

    /// Takes one token of the key's bucket, if there is one.
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire(&self, key: &str) -> bool {
        self.acquire_at(key, clock::now(), 0)
    }

    /// Takes one token of the key's bucket, or says that there is none.
    ///
    /// # Errors
    ///
    /// [`BudgetExhausted`] when less than one token is left.
    pub fn try_acquire(&self, key: &str) -> Result<(), BudgetExhausted> {
        if self.acquire(key) { Ok(()) } else { Err(BudgetExhausted(())) }
    }

    /// Adds what `calls` calls of the key earn, then takes one token at a moment of the caller's
    /// clock. A moment before the last one changes nothing.
    #[must_use = "without a token the retry must not be made"]
    pub fn acquire_at(&self, key: &str, now: Timestamp, calls: u64) -> bool {
        let key = hashed(key);
        let shard = self.shard(key);
        {
            let buckets = shard.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(bucket) = buckets.get(&key) {
                bucket.deposit(calls);
                return bucket.acquire_at(now);
            }
        }
        if !self.has_room(now) {
            self.rest.deposit(calls);
            return self.rest.acquire_at(now);
        }
        let mut buckets = shard.write().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key).or_insert_with(|| {
            self.keys.fetch_add(1, Relaxed);
            self.pattern.fresh()
        });
        bucket.deposit(calls);
        bucket.acquire_at(now)
    }

    /// Adds what `calls` calls of the key earn. A key without a bucket has a full one, to which
    /// nothing can be added, so that calls of healthy keys leave nothing behind.
    pub fn deposit(&self, key: &str, calls: u64) {
        if self.keys.load(Relaxed) == 0 {
            return;
        }
        let key = hashed(key);
        let buckets = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        match buckets.get(&key) {
            Some(bucket) => bucket.deposit(calls),
            None if self.keys.load(Relaxed) >= MOST_KEYS => self.rest.deposit(calls),
            None => {}
        }
    }

    /// Keys that have a bucket of their own.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// What the bucket of one key allows functions with `max_attempts` attempts.
    #[must_use]
    pub fn allowance(&self, max_attempts: u32) -> Allowance {
        self.pattern.allowance(max_attempts)
    }

    /// The most tokens that the bucket of one key holds.
    #[must_use]
    pub const fn max_tokens(&self) -> u64 {
        self.pattern.max_tokens()
    }

    /// Full buckets with the same settings.
    pub(crate) const fn fresh(&self) -> Self {
        Self::of(self.pattern.fresh())
    }

    fn shard(&self, key: u128) -> &RwLock<BTreeMap<u128, RetryBudget>> {
        &self.shards[(key % SHARDS as u128) as usize]
    }

    /// Whether a key more can be told apart, after full buckets have made room for it.
    ///
    /// Threads that see the last room at once pass the limit by as many as they are.
    fn has_room(&self, now: Timestamp) -> bool {
        if self.keys.load(Relaxed) < MOST_KEYS {
            return true;
        }
        let (swept, moment) = (self.swept.load(Relaxed), now.as_nanos());
        if moment < swept.saturating_add(BETWEEN_SWEEPS)
            || self.swept.compare_exchange(swept, moment, Relaxed, Relaxed).is_err()
        {
            return false;
        }
        for shard in &self.shards {
            let mut buckets = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = buckets.len();
            buckets.retain(|_, bucket| !bucket.is_full_at(now));
            self.keys.fetch_sub(before - buckets.len(), Relaxed);
        }
        self.keys.load(Relaxed) < MOST_KEYS
    }
}

impl fmt::Debug for KeyedBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedBudget")
            .field("each", &self.pattern)
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}

/// Two hashes of a key: nobody can make two keys that meet in both.
fn hashed(key: &str) -> u128 {
    static RANDOM: OnceLock<[RandomState; 2]> = OnceLock::new();
    let [high, low] = RANDOM.get_or_init(|| [RandomState::new(), RandomState::new()]);
    u128::from(high.hash_one(key)) << 64 | u128::from(low.hash_one(key))
}
