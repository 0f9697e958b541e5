//! Circuit breakers: after enough failures calls are rejected for a while, then a few probes decide.
//!
//! The core reads no clock and draws no randomness: both come in as arguments of the `_at` methods.
//! The methods without `_at` bring them along. A closed breaker is lock-free, and one that counts
//! consecutive failures is only read while all goes well. A short lock guards transitions and
//! half-open; no user code runs under any lock.
//!
//! Where the suites of other libraries disagree, this one decides:
//!
//! - a success never opens it (Polly), unless [`trip_on_success`](CircuitBreaker::trip_on_success)
//!   (resilience4j);
//! - a rate opens it when it is reached, not only when it is passed;
//! - the end of a break is inclusive;
//! - half-open is decided by counts, not by rates: one failure or slow call reopens;
//! - no more probes are admitted than successes are still missing (gobreaker);
//! - a window of time slides; it is not emptied at intervals;
//! - a probe without an answer has failed when its time is over, and a new break begins then.

mod control;
mod events;
mod open;
mod permit;
mod registry;
mod settings;
mod snapshot;
mod state;
mod sync;
mod window;
mod word;

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod loom_tests;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use control::Control;
use events::Events;
use settings::Settings;
use sync::Ordering::{AcqRel, Acquire};
use sync::{AtomicU64, Mutex};
use window::{Line, Window};
use word::{Tag, Word};

use crate::drivers::{clock, random};
use crate::shard::{SHARDS, shard};
use crate::time::Timestamp;

pub use events::{Subscription, Transition};
pub use open::CircuitOpen;
pub use permit::Permit;
#[cfg(feature = "metrics")]
pub(crate) use registry::MOST_NAMES;
pub use registry::{breaker, breakers, conflicts};
pub use snapshot::Snapshot;
pub use state::State;

/// A circuit breaker, usable as a `static`.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::breaker::{CircuitBreaker, CircuitOpen};
///
/// static PAYMENTS: CircuitBreaker = CircuitBreaker::new("payments")
///     .failure_threshold(2)
///     .recovery_timeout(Duration::from_secs(30));
///
/// #[derive(Debug, PartialEq)]
/// enum Error { Down, Open }
/// impl From<CircuitOpen> for Error {
///     fn from(_: CircuitOpen) -> Self { Error::Open }
/// }
///
/// for _ in 0..2 {
///     assert_eq!(PAYMENTS.call(|| Err::<(), _>(Error::Down)), Err(Error::Down));
/// }
/// assert_eq!(PAYMENTS.call(|| -> Result<(), Error> { unreachable!() }), Err(Error::Open));
/// ```
///
/// A wrong setting does not compile:
///
/// ```compile_fail
/// # use retry_runtime::breaker::CircuitBreaker;
/// static B: CircuitBreaker = CircuitBreaker::new("payments").failure_threshold(0);
/// ```
pub struct CircuitBreaker {
    word: AtomicU64,
    /// End of the break while open; 0 while its jitter is not drawn.
    until: AtomicU64,
    settings: Settings,
    name: &'static str,
    /// Made with the first result, its size being a setting.
    window: OnceLock<Box<Window>>,
    control: Mutex<Control>,
    events: Events,
    // Not explored by loom: a statistic that decides nothing.
    rejected: [Line<std::sync::atomic::AtomicU64>; SHARDS],
}

macro_rules! constructor {
    ($($constness:tt)?) => {
        /// A closed breaker that five consecutive failures open for 30 s.
        ///
        /// # Panics
        ///
        /// When the name is empty or longer than 256 bytes. In a `static` that is a compile error.
        #[must_use]
        #[track_caller]
        pub $($constness)? fn new(name: &'static str) -> Self {
            assert!(!name.is_empty(), "a circuit breaker needs a `name`");
            assert!(name.len() <= 256, "the `name` of a circuit breaker has at most 256 bytes");
            Self {
                word: AtomicU64::new(Word::new(State::Closed, 0).0),
                until: AtomicU64::new(0),
                settings: Settings::new(),
                name,
                window: OnceLock::new(),
                control: Mutex::new(Control::new()),
                events: Events::new(),
                rejected: [const { Line(std::sync::atomic::AtomicU64::new(0)) }; SHARDS],
            }
        }
    };
}

impl CircuitBreaker {
    #[cfg(not(loom))]
    constructor!(const);
    #[cfg(loom)]
    constructor!();

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn word(&self) -> Word {
        Word(self.word.load(Acquire))
    }

    /// Whether another breaker behaves alike.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.settings.agrees_with(&other.settings)
    }

    /// Leave for one call, at a moment of the caller's clock. `random` is uniform over `u64`; the
    /// first call of a break draws its jitter from it. A moment before the last one seen changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] when the call must not be made.
    #[inline]
    pub fn try_acquire_at(&self, now: Timestamp, random: u64) -> Result<Permit<'_>, CircuitOpen> {
        let word = self.word();
        let started = now.as_nanos();
        if word.admits() {
            return Ok(Permit { breaker: self, tag: word.tag(), probe: 0, started });
        }
        self.rejected_or_admitted(word, started, || random)
    }

    /// Leave for one call.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] when the call must not be made.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, CircuitOpen> {
        let word = self.word();
        if word.admits() {
            let started = if self.settings.needs_clock() { clock::now().as_nanos() } else { 0 };
            return Ok(Permit { breaker: self, tag: word.tag(), probe: 0, started });
        }
        self.rejected_or_admitted(word, clock::now().as_nanos(), random::next)
    }

    #[inline(never)]
    fn rejected_or_admitted(
        &self,
        word: Word,
        now: u64,
        random: impl FnOnce() -> u64,
    ) -> Result<Permit<'_>, CircuitOpen> {
        if word.is_open() {
            let until = self.until.load(Acquire);
            if now < until {
                return Err(self.rejected(Some(Duration::from_nanos(until - now))));
            }
        }
        let (tag, probe) = self.admit_slowly(now, random())?;
        Ok(Permit { breaker: self, tag, probe, started: now })
    }

    #[inline]
    fn rejected(&self, retry_after: Option<Duration>) -> CircuitOpen {
        self.rejected[shard() % SHARDS].0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        CircuitOpen { name: self.name, retry_after }
    }

    /// Calls `body` if the circuit lets it. Every error counts as a failure; a panic goes through
    /// and gives the permit back.
    ///
    /// # Errors
    ///
    /// The body's, or [`CircuitOpen`] turned into one.
    pub fn call<T, E: From<CircuitOpen>>(
        &self,
        body: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let permit = self.try_acquire()?;
        let result = body();
        match &result {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        result
    }

    #[inline]
    fn is_slow(&self, started: u64, now: u64) -> bool {
        now.saturating_sub(started) > self.settings.slow_call
    }

    /// A success. The usual one of a closed breaker goes into the window and touches nothing else.
    fn succeeded(&self, tag: Tag, probe: u64, started: u64, now: u64) {
        if self.settings.quick
            && tag.is_closed()
            && tag.is_untouched(self.word())
            && !self.is_slow(started, now)
            && let Some(window) = self.window.get()
        {
            window.record(tag.generation(), now, false, false);
            return;
        }
        self.ended(tag, probe, started, now, false);
    }

    /// A result, wherever it is not nothing.
    #[cold]
    #[inline(never)]
    fn ended(&self, tag: Tag, probe: u64, started: u64, now: u64, failed: bool) {
        let slow = self.is_slow(started, now);
        let settings = &self.settings;
        if tag.is_probe() {
            self.probe_ended(tag, probe, now, failed || slow);
            return;
        }
        let word = self.word();
        if !tag.is_current(word) || tag.state() == State::Disabled {
            return;
        }
        let failed = failed || (slow && settings.slow_rate <= 0.0);
        if settings.windowed() {
            let window = match self.window.get() {
                Some(window) => window,
                None => self.make_window(),
            };
            window.record(tag.generation(), now, failed, slow);
        }
        let bad = failed || slow;
        if tag.state() == State::Closed && (bad || settings.trip_on_success || word.failures() > 0)
        {
            self.count(tag, now, failed, slow);
        }
    }

    #[cold]
    #[inline(never)]
    fn make_window(&self) -> &Window {
        self.window.get_or_init(|| Box::new(Window::new(self.settings.span)))
    }

    /// Counts consecutive failures, looks at the rates, opens.
    #[cold]
    #[inline(never)]
    fn count(&self, tag: Tag, now: u64, failed: bool, slow: bool) {
        let settings = self.settings;
        if settings.failure_threshold > 0 && !self.count_in_a_row(tag, failed) {
            // The last step is made under the lock, where a success in between still counts.
            let last = settings.failure_threshold - 1;
            self.trip(tag, now, |word| word.failures() >= last);
        }
        if settings.windowed() && (failed || slow || settings.trip_on_success) {
            let failed = (failed || settings.trip_on_success) && settings.failure_rate > 0.0;
            let slow = (slow || settings.trip_on_success) && settings.slow_rate > 0.0;
            let too_many = |_| {
                let Some(window) = self.window.get() else { return false };
                let counts = window.counts(tag.generation(), now);
                counts.calls >= settings.minimum_calls()
                    && (failed && counts.failure_rate() >= settings.failure_rate
                        || slow && counts.slow_rate() >= settings.slow_rate)
            };
            if too_many(self.word()) {
                self.trip(tag, now, too_many);
            }
        }
    }

    /// Counts up or back to zero; `false` where this failure is the last one needed.
    fn count_in_a_row(&self, tag: Tag, failed: bool) -> bool {
        let mut word = self.word();
        loop {
            let failures = if failed { word.failures() + 1 } else { 0 };
            if !tag.is_current(word) || failures == word.failures() {
                return true;
            }
            if failures >= self.settings.failure_threshold {
                return false;
            }
            let next = word.with_failures(failures).0;
            match self.word.compare_exchange_weak(word.0, next, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(newer) => word = Word(newer),
            }
        }
    }

    /// Its state now. An open breaker whose break is over stays open until a call asks.
    #[must_use]
    pub fn state(&self) -> State {
        self.word().state()
    }

    /// What it shows of itself now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot_at(clock::now())
    }

    /// Rejects everything until it is reset or forced otherwise.
    ///
    /// ```
    /// # use retry_runtime::breaker::{CircuitBreaker, State};
    /// let breaker = CircuitBreaker::new("docs-force-open");
    /// breaker.force_open();
    /// assert!(breaker.try_acquire().is_err());
    /// breaker.reset();
    /// assert!(breaker.try_acquire().is_ok());
    /// ```
    pub fn force_open(&self) {
        self.force(State::ForcedOpen, clock::now().as_nanos());
    }

    /// Admits everything until it is reset or forced otherwise; windows go on counting.
    pub fn force_closed(&self) {
        self.force(State::ForcedClosed, clock::now().as_nanos());
    }

    /// Admits everything and counts nothing until it is reset or forced otherwise.
    pub fn disable(&self) {
        self.force(State::Disabled, clock::now().as_nanos());
    }

    /// Closed, with nothing counted. Results of calls that are under way change nothing any more.
    pub fn reset(&self) {
        self.force(State::Closed, clock::now().as_nanos());
    }

    /// Goes to a state by hand, at a moment of the caller's clock.
    ///
    /// `Open` begins a break, and `HalfOpen` admits probes at once.
    pub fn force_state_at(&self, state: State, now: Timestamp) {
        match state {
            State::Open => self.trip(self.word().tag(), now.as_nanos(), |_| true),
            state => self.force(state, now.as_nanos()),
        }
    }

    /// Calls `callback` after every transition: once each, in order, holding no lock. Never twice at
    /// once; a transition that it makes itself is told after it returns.
    ///
    /// A panic of it goes through to whoever made the transition, which stands.
    pub fn subscribe(
        &self,
        callback: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Subscription<'_> {
        self.events.subscribe(Arc::new(callback))
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
