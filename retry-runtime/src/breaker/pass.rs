//! Leave for one call of an annotated function: a permit that borrows nothing.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use super::owner::Owner;
use super::permit::Leave;
use super::settings::{NEVER, OnSuccess};
use super::watch::{Watched, Watching};
use super::word::Tag;
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
pub struct Pass(Kind);

enum Kind {
    /// Of a healthy breaker that measures nothing: there is nothing to give back. The usual one, and
    /// all of it fits into registers. `slot` is where the thread that began the call counts.
    Plain {
        breaker: &'static CircuitBreaker,
        tag: Tag,
        slot: usize,
    },
    Full(Full),
}

/// Whatever there is to know.
struct Full {
    owner: Owner,
    leave: Leave,
    /// A call given up when it is older than this is a slow one. Nanoseconds.
    patience: u64,
}

impl Pass {
    /// Of a breaker whose calls are not measured, to a caller without a limit.
    #[inline]
    pub(super) fn quick(
        breaker: &'static CircuitBreaker,
        slot: usize,
    ) -> Result<Self, CircuitOpen> {
        let word = breaker.word();
        if word.is_healthy() {
            return Ok(Self(Kind::Plain { breaker, tag: word.as_tag(), slot }));
        }
        match breaker.nanos_to_wait(slot) {
            0 => Self::slowly(Owner::Static(breaker), 0),
            left => Err(breaker.open_for(left)),
        }
    }

    /// `limit` is the longest that the caller lets a call run; 0 is no limit.
    #[inline]
    pub(super) fn slowly(owner: Owner, limit: u64) -> Result<Self, CircuitOpen> {
        Full::admit(owner, limit).map(|full| Self(Kind::Full(full)))
    }

    /// The same for who is not inlined, and writes the pass to where it belongs at once.
    #[inline(never)]
    pub(super) fn of_key(owner: Owner, limit: u64) -> Result<Self, CircuitOpen> {
        let (leave, patience) = Full::begin(&owner, limit)?;
        Ok(Self(Kind::Full(Full { owner, leave, patience })))
    }

    /// The call succeeded.
    #[inline]
    pub fn success(self) {
        match self.0 {
            Kind::Plain { breaker, tag, slot } => {
                if breaker.settings.on_success != OnSuccess::Nothing {
                    breaker.succeeded_in_window(tag, slot);
                } else if breaker.word().as_tag() != tag {
                    breaker.succeeded_late(tag);
                }
            }
            Kind::Full(full) => full.success(),
        }
    }

    /// The call failed in a way that is an answer: a success for the breaker.
    #[cold]
    #[expect(clippy::must_use_candidate, reason = "telling is all that most callers want")]
    pub fn answer(self) -> Reported {
        let owner = self.owner();
        self.success();
        Reported(owner)
    }

    /// The call failed.
    #[cold]
    #[expect(clippy::must_use_candidate, reason = "telling is all that most callers want")]
    pub fn failure(self) -> Reported {
        let owner = self.owner();
        match self.0 {
            Kind::Plain { breaker, tag, .. } => breaker.failed_now(Leave::new(tag, 0)),
            Kind::Full(mut full) => full.owner.failed_now(full.leave.take()),
        }
        Reported(owner)
    }

    /// The result is neither: the pass goes back uncounted, however long the call took.
    #[cold]
    #[expect(clippy::must_use_candidate, reason = "telling is all that most callers want")]
    pub fn ignore(self) -> Reported {
        let owner = self.owner();
        if let Kind::Full(mut full) = self.0 {
            full.owner.uncounted(full.leave.take());
        }
        Reported(owner)
    }

    /// Whether this call decides if a half-open breaker closes.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(&self.0, Kind::Full(full) if full.leave.tag.is_probe())
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
        let watching = match &mut self.0 {
            Kind::Plain { .. } => None,
            Kind::Full(full) => Some(Watching { breaker: &full.owner, leave: &mut full.leave }),
        };
        Watched::new(watching, body, sleep)
    }

    fn owner(&self) -> Owner {
        match &self.0 {
            Kind::Plain { breaker, .. } => Owner::Static(breaker),
            Kind::Full(full) => full.owner.clone(),
        }
    }
}

impl Full {
    #[cold]
    #[inline(never)]
    fn admit(owner: Owner, limit: u64) -> Result<Self, CircuitOpen> {
        let (leave, patience) = Self::begin(&owner, limit)?;
        Ok(Self { owner, leave, patience })
    }

    #[inline]
    fn begin(breaker: &CircuitBreaker, limit: u64) -> Result<(Leave, u64), CircuitOpen> {
        let slow = breaker.settings.slow_call;
        let patience = if limit == 0 { slow } else { slow.min(limit) };
        let word = breaker.word();
        let leave = if word.admits() {
            // Who loses no patience is not asked when it began.
            let started = if patience == NEVER { 0 } else { clock::now().as_nanos() };
            Leave::new(word.tag(), started)
        } else {
            breaker.turned_away(word, limit)?
        };
        Ok((leave, patience))
    }

    #[cold]
    #[inline(never)]
    fn success(mut self) {
        let leave = self.leave.take();
        if !self.owner.is_healthy(leave) {
            self.owner.succeeded_now(leave);
        }
    }
}

impl Drop for Full {
    #[inline]
    fn drop(&mut self) {
        let tag = self.leave.tag;
        if !tag.is_spent() && (tag.is_probe() || self.patience != NEVER) {
            self.owner.dropped(self.leave, self.patience);
        }
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("breaker", &self.owner().name)
            .field("probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}

/// A pass whose result is told: the breaker, to be asked what the result did.
pub struct Reported(Owner);

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
        self.0.until_half_open()
    }
}

impl fmt::Debug for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reported").field(&self.0.name).finish()
    }
}
