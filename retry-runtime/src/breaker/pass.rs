//! Leave for one call of an annotated function: a permit that borrows nothing.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::owner::Owner;
use super::permit::Leave;
use super::settings::NEVER;
use super::watch::{Watched, Watching};
use super::{CircuitBreaker, CircuitOpen};
use crate::drivers::clock;

/// Leave for one call, as [`Attached::admit`](super::Attached::admit) gives it. A
/// [`Permit`](super::Permit) that may be sent to another thread and kept in a future.
///
/// Dropped without a result, it is given back uncounted. If the call is older than `slow_call` or
/// than the limit of the function then, it is counted as a slow one.
///
/// ```
/// use retry_runtime::breaker::{Attached, CircuitBreaker};
///
/// static B: Attached = Attached::named(CircuitBreaker::new("docs-pass").failure_threshold(1));
///
/// drop(B.admit().unwrap()); // uncounted
/// let late = B.admit().unwrap();
/// B.admit().unwrap().failure();
/// late.success(); // of the period before: still open
/// assert!(B.admit().is_err());
/// ```
#[must_use = "a pass that is dropped says nothing about the call: report `success` or `failure`"]
pub struct Pass {
    owner: Owner,
    leave: Leave,
    /// A call given up when it is older than this is a slow one. Nanoseconds.
    patience: u64,
}

impl Pass {
    /// `limit` is the longest that the caller lets a call run; 0 is no limit.
    #[inline]
    pub(super) fn of(owner: Owner, limit: u64, timed: bool) -> Result<Self, CircuitOpen> {
        let word = owner.word();
        if !word.admits() {
            return Self::slowly(owner, limit);
        }
        if timed {
            return Ok(Self::timed(owner, limit, Leave::new(word.tag(), clock::now().as_nanos())));
        }
        Ok(Self { owner, leave: Leave::new(word.tag(), 0), patience: NEVER })
    }

    #[inline(never)]
    fn slowly(owner: Owner, limit: u64) -> Result<Self, CircuitOpen> {
        let leave = owner.turned_away(owner.word(), limit)?;
        Ok(Self::timed(owner, limit, leave))
    }

    fn timed(owner: Owner, limit: u64, leave: Leave) -> Self {
        let limit = if limit == 0 { NEVER } else { limit };
        let patience = owner.settings.slow_call.min(limit);
        Self { owner, leave, patience }
    }

    /// The call succeeded, or failed in a way that is an answer.
    #[inline]
    pub fn success(mut self) -> Reported {
        let leave = self.leave.take();
        if !self.owner.is_healthy(leave) {
            self.owner.succeeded_now(leave);
        }
        Reported(self.release())
    }

    /// The call failed.
    #[inline]
    pub fn failure(mut self) -> Reported {
        self.owner.failed_now(self.leave.take());
        Reported(self.release())
    }

    /// The result is neither: the pass goes back uncounted, however long the call took.
    #[inline]
    pub fn ignore(mut self) -> Reported {
        self.owner.uncounted(self.leave.take());
        Reported(self.release())
    }

    /// Whether this call decides if a half-open breaker closes.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.leave.tag.is_probe()
    }

    /// Polls `body`; as soon as it is older than `slow_call`, it is counted as slow while it still
    /// runs, and its result no more. The timer is one of `sleep`, made when the body first waits.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// use retry_runtime::breaker::{Attached, CircuitBreaker};
    ///
    /// static B: Attached = Attached::named(
    ///     CircuitBreaker::new("docs-watch")
    ///         .failure_threshold(1)
    ///         .slow_call(Duration::from_secs(1)),
    /// );
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
    /// #     .unwrap().block_on(async {
    /// let mut pass = B.admit().unwrap();
    /// let sleep = |duration| Box::pin(tokio::time::sleep(duration));
    /// let body = pin!(tokio::time::sleep(Duration::from_secs(2)));
    /// let mut call = pin!(pass.watch(body, sleep));
    /// tokio::select! {
    ///     () = &mut call => unreachable!(),
    ///     () = tokio::time::sleep(Duration::from_millis(1500)) => {}
    /// }
    /// assert!(B.admit().is_err(), "it still runs, and has opened the circuit");
    /// # });
    /// ```
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the timer. The pass stays, and says the same as if nobody had
    /// watched.
    pub fn watch<'a, F: Future, S: Future<Output = ()> + Unpin>(
        &'a mut self,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> S,
    ) -> impl Future<Output = F::Output> + use<'a, F, S> {
        Watched::new(Watching { breaker: &self.owner, leave: &mut self.leave }, body, sleep)
    }

    /// The breaker alone, once there is nothing to give back.
    #[inline]
    fn release(self) -> Self {
        self
    }
}

impl CircuitBreaker {
    #[inline(never)]
    fn succeeded_now(&self, leave: Leave) {
        self.succeeded(leave, self.time(leave).as_nanos());
    }

    #[cold]
    #[inline(never)]
    fn failed_now(&self, leave: Leave) {
        self.ended(leave, clock::now().as_nanos(), true, false);
    }
}

impl Drop for Pass {
    #[inline]
    fn drop(&mut self) {
        if !self.leave.tag.is_spent() && (self.is_probe() || self.patience != NEVER) {
            self.owner.dropped(self.leave, self.patience);
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("breaker", &self.owner.name)
            .field("probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}

/// A pass whose result is told: the breaker, to be asked what the result did.
pub struct Reported(Pass);

impl Reported {
    /// How long the circuit stays open from now; `None` where it is not open, and a call may be
    /// admitted. [`Duration::MAX`] while it is forced open.
    ///
    /// For whoever would sleep before the next call: a shorter sleep ends at a closed door.
    ///
    /// ```
    /// use std::time::Duration;
    /// use retry_runtime::breaker::{Attached, CircuitBreaker};
    ///
    /// static B: Attached = Attached::named(CircuitBreaker::new("docs-reported").failure_threshold(2));
    ///
    /// assert_eq!(B.admit().unwrap().failure().until_half_open(), None);
    /// let open = B.admit().unwrap().failure().until_half_open().unwrap();
    /// assert!(open > Duration::from_secs(29) && open < Duration::from_secs(34));
    /// ```
    #[must_use]
    pub fn until_half_open(&self) -> Option<Duration> {
        self.0.owner.until_half_open()
    }
}

impl fmt::Debug for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reported").field(&self.0.owner.name).finish()
    }
}
