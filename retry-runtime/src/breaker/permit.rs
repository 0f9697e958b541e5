//! The permit of one call: a guard that is given back exactly once.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::time::Duration;

use super::CircuitBreaker;
use super::watch::{Watched, Watching};
use super::word::Tag;
use crate::drivers::clock;
use crate::time::Timestamp;

/// What was granted to one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    pub(super) tag: Tag,
    /// Its number, where the tag is a probe's.
    pub(super) probe: u64,
    /// Nanoseconds; 0 where nobody measures.
    pub(super) started: u64,
}

impl Leave {
    /// Reported, or given back.
    pub(super) const SPENT: Self = Self { tag: Tag::SPENT, probe: 0, started: 0 };

    #[inline]
    pub(super) const fn new(tag: Tag, started: u64) -> Self {
        Self { tag, probe: 0, started }
    }

    /// What is reported now, so that nobody reports it again.
    #[inline]
    pub(super) const fn take(&mut self) -> Self {
        mem::replace(self, Self::SPENT)
    }
}

/// Leave for one call. Dropped without a result, it is given back uncounted: a cancelled future, a
/// panic and an aborted task leave nothing behind. One that is older than `slow_call` then is
/// counted as a slow call, so that a black hole opens the breaker.
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
    pub(super) leave: Leave,
}

impl Permit<'_> {
    /// The call succeeded, or failed in a way that is an answer.
    #[inline]
    pub fn success(self) {
        // It is told, so nothing is to be given back.
        let Self { breaker, leave } = *ManuallyDrop::new(self);
        if !breaker.is_healthy(leave) {
            breaker.succeeded_now(leave);
        }
    }

    /// The call failed.
    #[inline]
    pub fn failure(self) {
        // The break begins now, so the clock is read whatever the settings.
        self.failure_at(clock::now());
    }

    /// [`success`](Self::success) at a moment of the caller's clock.
    #[inline]
    pub fn success_at(mut self, now: Timestamp) {
        let leave = self.leave.take();
        if !self.breaker.is_healthy(leave) {
            self.breaker.succeeded(leave, now.as_nanos());
        }
    }

    /// [`failure`](Self::failure) at a moment of the caller's clock.
    pub fn failure_at(mut self, now: Timestamp) {
        self.breaker.ended(self.leave.take(), now.as_nanos(), true, false);
    }

    /// The result is neither: the permit goes back uncounted, however long the call took.
    ///
    /// ```
    /// # use retry_runtime::breaker::CircuitBreaker;
    /// let breaker = CircuitBreaker::new("docs-ignore").failure_threshold(1);
    /// breaker.try_acquire().unwrap().ignore();
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    pub fn ignore(mut self) {
        self.breaker.uncounted(self.leave.take());
    }

    /// The caller gave the call up at a moment of its clock: what dropping does.
    pub fn abandon_at(mut self, now: Timestamp) {
        self.breaker.given_up(self.leave.take(), self.breaker.settings.slow_call, now.as_nanos());
    }

    /// The call still runs and is already slow: counts it now, and its result no more.
    ///
    /// Not yet older than `slow_call`, the permit comes back.
    ///
    /// # Errors
    ///
    /// The permit, when the call is not slow yet.
    pub fn slow_at(self, now: Timestamp) -> Result<(), Self> {
        if !self.breaker.is_slow(self.leave.started, now.as_nanos()) {
            return Err(self);
        }
        self.success_at(now);
        Ok(())
    }

    /// Whether this call decides if a half-open breaker closes.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.leave.tag.is_probe()
    }

    /// Polls `body`, and counts it as slow while it still runs as soon as it is older than
    /// `slow_call`. The timer is made when the body first waits.
    pub(super) fn watch<'a, F: Future, S: Future<Output = ()> + Unpin>(
        &'a mut self,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> S,
    ) -> Watched<'a, F, S> {
        let watching = Watching { breaker: self.breaker, leave: &mut self.leave };
        Watched::new(Some(watching), body, sleep)
    }
}

impl CircuitBreaker {
    /// The time, where the result of a call has a use for it.
    #[inline]
    pub(super) fn time(&self, leave: Leave) -> Timestamp {
        if self.settings.needs_clock() || leave.tag.is_probe() {
            clock::now()
        } else {
            Timestamp::ZERO
        }
    }

    /// Takes back what was never used, or was used for nothing that counts.
    #[inline]
    pub(super) fn uncounted(&self, leave: Leave) {
        if leave.tag.is_probe() {
            self.probe_dropped(leave.tag, leave.probe);
        }
    }

    /// The caller gave the call up: a slow call if it had more patience than `patience`, else none.
    pub(super) fn given_up(&self, leave: Leave, patience: u64, now: u64) {
        if now.saturating_sub(leave.started) > patience {
            self.ended(leave, now, false, true);
        } else {
            self.uncounted(leave);
        }
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.leave.tag.is_spent() && (self.is_probe() || self.breaker.settings.measures()) {
            self.breaker.dropped(self.leave, self.breaker.settings.slow_call);
        }
    }
}

impl CircuitBreaker {
    #[cold]
    #[inline(never)]
    pub(super) fn dropped(&self, leave: Leave, patience: u64) {
        let now = if patience == u64::MAX { 0 } else { clock::now().as_nanos() };
        self.given_up(leave, patience, now);
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
