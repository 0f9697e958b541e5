//! The permit of one call: a guard that is given back exactly once.

use std::fmt;
use std::mem::ManuallyDrop;

use super::CircuitBreaker;
use super::word::Tag;
use crate::drivers::clock;
use crate::time::Timestamp;

/// Leave for one call. Dropped without a result, it is given back uncounted: a cancelled future, a
/// panic and an aborted task leave nothing behind.
///
/// It belongs to the period it was given in; once the breaker has changed its state, its result
/// changes nothing.
///
/// ```
/// use retry_runtime::breaker::CircuitBreaker;
///
/// static B: CircuitBreaker = CircuitBreaker::new("docs-permit").failure_threshold(1);
/// drop(B.try_acquire().unwrap()); // uncounted
/// let late = B.try_acquire().unwrap();
/// B.try_acquire().unwrap().failure();
/// late.success(); // of the period before: still open
/// assert!(B.try_acquire().is_err());
/// ```
#[must_use = "a permit that is dropped says nothing about the call: report `success` or `failure`"]
pub struct Permit<'a> {
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) tag: Tag,
    pub(super) probe: u64,
    pub(super) started: u64,
}

impl Permit<'_> {
    /// The call succeeded, or failed in a way that is an answer.
    #[inline]
    pub fn success(self) {
        let now = self.time();
        self.success_at(now);
    }

    /// The call failed.
    #[inline]
    pub fn failure(self) {
        // The break begins now, so the clock is read whatever the settings.
        self.failure_at(clock::now());
    }

    /// [`success`](Self::success) at a moment of the caller's clock.
    #[inline]
    pub fn success_at(self, now: Timestamp) {
        let this = ManuallyDrop::new(self);
        let breaker = this.breaker;
        if breaker.settings.plain && this.tag.is_untouched(breaker.word()) {
            return;
        }
        breaker.succeeded(this.tag, this.probe, this.started, now.as_nanos());
    }

    /// [`failure`](Self::failure) at a moment of the caller's clock.
    pub fn failure_at(self, now: Timestamp) {
        let this = ManuallyDrop::new(self);
        this.breaker.ended(this.tag, this.probe, this.started, now.as_nanos(), true);
    }

    /// The result is neither: the permit goes back uncounted, as when it is dropped.
    ///
    /// ```
    /// # use retry_runtime::breaker::CircuitBreaker;
    /// let breaker = CircuitBreaker::new("docs-ignore").failure_threshold(1);
    /// breaker.try_acquire().unwrap().ignore();
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    pub fn ignore(self) {
        drop(self);
    }

    /// The caller gave the call up. Older than `slow_call` it counts as a slow one, so that a black
    /// hole opens the breaker; else it goes back uncounted.
    pub fn abandon_at(self, now: Timestamp) {
        if self.breaker.is_slow(self.started, now.as_nanos()) {
            self.success_at(now);
        }
    }

    /// The call still runs and is already slow: counts it now, and its result no more.
    ///
    /// Not yet older than `slow_call`, the permit comes back.
    ///
    /// # Errors
    ///
    /// The permit, when the call is not slow yet.
    pub fn slow_at(self, now: Timestamp) -> Result<(), Self> {
        if !self.breaker.is_slow(self.started, now.as_nanos()) {
            return Err(self);
        }
        self.success_at(now);
        Ok(())
    }

    /// Whether this call decides if a half-open breaker closes.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.tag.is_probe()
    }

    /// The time, where the result has a use for it.
    #[inline]
    fn time(&self) -> Timestamp {
        if self.breaker.settings.needs_clock() || self.tag.is_probe() {
            clock::now()
        } else {
            Timestamp::ZERO
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.tag.is_probe() {
            self.breaker.probe_dropped(self.tag, self.probe);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("breaker", &self.breaker.name)
            .field("probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}
