//! Circuit breakers: after enough failures calls are rejected for a while, then a few probes decide.
//!
//! The core reads no clock and draws no randomness: both come in as arguments of the `_at` methods.
//! The methods without `_at` bring them along. A success of a closed breaker takes no lock: one that
//! counts consecutive failures is only read while all goes well, and a window of calls as soon as it
//! is full of successes. A short lock guards the failures of a window, another one transitions and
//! half-open; a breaker of a key is found under a lock that only the threads of one shard take. No
//! user code runs under any lock.
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
//! - a probe without an answer has failed when its time is over, and a new break begins then;
//! - what arrives while it is open is in no window and tells nothing;
//! - breaks are in a row until it was closed for as long as the last one lasted (Envoy forgets them
//!   over time, too), and not only until it closes (resilience4j, Polly).

mod attached;
mod builder;
mod by_hand;
mod configuration;
mod control;
mod events;
mod handle;
mod keyed;
mod measured;
mod near;
mod open;
mod operate;
mod owner;
mod pass;
mod permit;
mod registry;
mod results;
mod settings;
mod snapshot;
mod state;
mod stream;
mod sync;
mod verdict;
mod watch;
mod window;
mod word;

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod loom_tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use control::Control;
use events::Events;
use permit::Leave;
use settings::Settings;
use sync::Ordering::Acquire;
use sync::{AtomicU64, Mutex};
use window::Window;
use word::Word;

use crate::drivers::{clock, random};
use crate::shard;
use crate::time::Timestamp;

pub use attached::Attached;
pub use configuration::{Configuration, WindowSpan};
pub use events::{Subscription, Transition};
pub use handle::Handle;
#[doc(hidden)]
pub use measured::Measured;
pub use open::CircuitOpen;
pub use pass::{Pass, Reported};
#[doc(hidden)]
pub use verdict::Verdict;

/// Keys of one breaker that are kept unless `max_keys` says otherwise.
#[doc(hidden)]
pub const MOST_KEYS: u32 = 1024;
pub use permit::Permit;
#[cfg(feature = "metrics")]
pub(crate) use registry::MOST_NAMES;
pub use registry::{breaker, breakers, conflicts};
pub use snapshot::Snapshot;
pub use state::State;
pub use stream::Transitions;

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
    /// End of the break while open; 0 while its jitter is not drawn, and in all other states.
    until: AtomicU64,
    settings: Settings,
    name: &'static str,
    /// Of a breaker that is one of several under its name.
    key: Option<Arc<str>>,
    /// Whether a call came with its key since somebody last looked for an idle one.
    used: AtomicBool,
    window: Window,
    control: Mutex<Control>,
    events: Events,
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
                key: None,
                used: AtomicBool::new(false),
                window: Window::new(),
                control: Mutex::new(Control::new()),
                events: Events::new(),
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

    /// A closed breaker of the same name and settings.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.name).set(self.settings)
    }

    /// Puts one that nobody has met yet into a state.
    fn begin_in(&mut self, state: State) {
        self.word = AtomicU64::new(Word::new(state, 0).0);
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
            return Ok(Permit { breaker: self, leave: Leave::new(word.tag(), started) });
        }
        let leave = self.rejected_or_admitted(word, 0, started, || random)?;
        Ok(Permit { breaker: self, leave })
    }

    /// Leave for one call.
    ///
    /// # Errors
    ///
    /// [`CircuitOpen`] when the call must not be made.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, CircuitOpen> {
        let word = self.word();
        let leave = if self.settings.plain && word.is_healthy() {
            Leave::new(word.as_tag(), 0)
        } else {
            self.leave(word)?
        };
        Ok(Permit { breaker: self, leave })
    }

    /// Leave for one call, wherever there is more to do than a look.
    #[inline(never)]
    fn leave(&self, word: Word) -> Result<Leave, CircuitOpen> {
        if word.admits() {
            let started = if self.settings.measures() { clock::now().as_nanos() } else { 0 };
            return Ok(Leave::new(word.tag(), started));
        }
        let slot = shard::shard();
        // A watched thread has a clock of its own.
        if !shard::watched()
            && let left @ 1.. = self.nanos_to_wait(slot)
        {
            return Err(self.open_for(left));
        }
        self.turned_away(word, 0)
    }

    #[inline]
    const fn open_for(&self, left: u64) -> CircuitOpen {
        CircuitOpen { name: self.name, retry_after: Some(Duration::from_nanos(left)) }
    }

    /// Nanoseconds until a rejected call may come again; the rejection is counted. 0 where neither
    /// is known without a closer look.
    #[inline(never)]
    fn nanos_to_wait(&self, slot: usize) -> u64 {
        let now = clock::coarse().as_nanos();
        // Close to the end the precise clock decides. Where it is not open the end is 0, long ago; a
        // break of centuries looks the same, and only takes longer.
        let left = self.until.load(Acquire).wrapping_sub(now);
        if left.cast_signed() < clock::COARSE_NANOS.cast_signed() {
            return 0;
        }
        self.window.line(slot).count_rejected();
        left
    }

    /// What a call is told that the word alone does not admit. `limit` is the longest that the
    /// caller lets it run, in nanoseconds; 0 is no limit.
    #[inline(never)]
    fn turned_away(&self, word: Word, limit: u64) -> Result<Leave, CircuitOpen> {
        self.rejected_or_admitted(word, limit, clock::now().as_nanos(), random::next)
    }

    fn rejected_or_admitted(
        &self,
        word: Word,
        limit: u64,
        now: u64,
        random: impl FnOnce() -> u64,
    ) -> Result<Leave, CircuitOpen> {
        if word.is_open() {
            let until = self.until.load(Acquire);
            if now < until {
                return Err(self.rejected(Some(Duration::from_nanos(until - now))));
            }
        }
        self.admit_slowly(now, limit, random())
    }

    #[inline]
    fn rejected(&self, retry_after: Option<Duration>) -> CircuitOpen {
        self.window.count_rejected();
        CircuitOpen { name: self.name, retry_after }
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
