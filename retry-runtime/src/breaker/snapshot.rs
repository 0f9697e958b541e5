//! What a breaker shows of itself.

use std::sync::Arc;
use std::time::Duration;

use super::CircuitBreaker;
use super::state::State;
use super::sync::Ordering::Acquire;
use super::window::Counts;
use crate::time::Timestamp;

/// A breaker at one moment.
///
/// ```
/// use retry_runtime::breaker::{CircuitBreaker, State};
///
/// let breaker = CircuitBreaker::new("docs-snapshot").failure_rate(0.5).window(4);
/// for _ in 0..3 {
///     breaker.try_acquire().unwrap().success();
/// }
/// breaker.try_acquire().unwrap().failure();
/// let snapshot = breaker.snapshot();
/// assert_eq!(snapshot.state, State::Closed);
/// assert_eq!(snapshot.failure_rate, Some(0.25));
/// assert_eq!((snapshot.calls, snapshot.rejected), (4, 0));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The breaker.
    pub name: &'static str,
    /// Which of the breakers of this name, where each key has one. Text of a user: nothing for a
    /// metric's label.
    pub key: Option<Arc<str>>,
    /// Breakers that were summed up, where each key has one.
    pub keys: Option<usize>,
    /// Its state. An open breaker whose break is over stays open until a call asks.
    pub state: State,
    /// Counts the periods: grows with every transition and reset.
    pub generation: u64,
    /// Failures in a row, where these open it.
    pub consecutive_failures: u32,
    /// Calls in the window; 0 where none is kept.
    pub calls: u64,
    /// Failed ones among them.
    pub failed: u64,
    /// Slow ones among them.
    pub slow: u64,
    /// The share of failed calls; `None` below `minimum_calls`.
    pub failure_rate: Option<f64>,
    /// The share of slow calls; `None` below `minimum_calls`.
    pub slow_call_rate: Option<f64>,
    /// Calls rejected, ever.
    pub rejected: u64,
    /// Probes out, expired ones not counted.
    pub probes: usize,
    /// Breaks in a row, each longer than the one before. None any more, once it was closed for as long
    /// as the last one lasted.
    pub breaks: u32,
    /// While open: how long until a call may probe, jitter included as soon as it is drawn.
    pub until_half_open: Option<Duration>,
}

impl CircuitBreaker {
    /// The breaker at a moment of the caller's clock. Looks and changes nothing.
    #[must_use]
    pub fn snapshot_at(&self, now: Timestamp) -> Snapshot {
        let now = now.as_nanos();
        let control = self.control();
        let word = self.word();
        let until = self.until.load(Acquire);
        let breaks = control.breaks(word.state(), now, &self.settings);
        let probes = control.probes.iter().filter(|(_, expires)| *expires > now).count();
        let unsettled = control.unsettled();
        drop(control);
        let counts = self.window.counts(word.tag(), now);
        let known = counts.calls > 0 && counts.calls >= self.settings.minimum_calls();
        let until = match unsettled {
            Some(opened) => {
                opened.saturating_add(self.settings.recovery_after(breaks.saturating_sub(1)))
            }
            None => until,
        };
        Snapshot {
            name: self.name,
            key: self.key.clone(),
            keys: None,
            state: word.state(),
            generation: word.generation(),
            consecutive_failures: word.failures(),
            calls: counts.calls,
            failed: counts.failed,
            slow: counts.slow,
            failure_rate: known.then(|| counts.failure_rate()),
            slow_call_rate: known.then(|| counts.slow_rate()),
            rejected: self.window.rejected(),
            probes,
            breaks,
            until_half_open: (word.state() == State::Open)
                .then(|| Duration::from_nanos(until.saturating_sub(now))),
        }
    }
}

impl Snapshot {
    /// The sum of no breakers.
    pub(super) fn nothing(name: &'static str, state: State) -> Self {
        Self {
            name,
            key: None,
            keys: None,
            state,
            generation: 0,
            consecutive_failures: 0,
            calls: 0,
            failed: 0,
            slow: 0,
            failure_rate: None,
            slow_call_rate: None,
            rejected: 0,
            probes: 0,
            breaks: 0,
            until_half_open: None,
        }
    }

    /// Adds another breaker of the same settings.
    pub(super) fn add(&mut self, other: &Self, minimum_calls: u64) {
        self.generation += other.generation;
        self.consecutive_failures = self.consecutive_failures.max(other.consecutive_failures);
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
        self.rejected += other.rejected;
        self.probes += other.probes;
        self.breaks = self.breaks.max(other.breaks);
        self.until_half_open = self.until_half_open.max(other.until_half_open);
        let counts = Counts { calls: self.calls, failed: self.failed, slow: self.slow };
        let known = counts.calls > 0 && counts.calls >= minimum_calls;
        self.failure_rate = known.then(|| counts.failure_rate());
        self.slow_call_rate = known.then(|| counts.slow_rate());
    }
}
