//! What a breaker shows of itself.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::CircuitBreaker;
use super::settings::Span;
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
    /// Breaks since it last closed.
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
        let breaks = control.breaks;
        let probes = control.probes.iter().filter(|(_, expires)| *expires > now).count();
        let unsettled = control.unsettled();
        drop(control);
        let counts = match self.window.get() {
            Some(window) => window.counts(word.generation(), now),
            None => Counts::default(),
        };
        let known = counts.calls > 0 && counts.calls >= self.settings.minimum_calls();
        let until = match unsettled {
            Some(opened) => {
                opened.saturating_add(self.settings.recovery_after(breaks.saturating_sub(1)))
            }
            None => until,
        };
        Snapshot {
            name: self.name,
            state: word.state(),
            generation: word.generation(),
            consecutive_failures: word.failures(),
            calls: counts.calls,
            failed: counts.failed,
            slow: counts.slow,
            failure_rate: known.then(|| counts.failure_rate()),
            slow_call_rate: known.then(|| counts.slow_rate()),
            rejected: self.rejected.iter().map(|line| line.0.load(Relaxed)).sum(),
            probes,
            breaks,
            until_half_open: (word.state() == State::Open)
                .then(|| Duration::from_nanos(until.saturating_sub(now))),
        }
    }
}

impl CircuitBreaker {
    /// What opens it, in words: `5 failures in a row`.
    pub(crate) fn opens_after(&self) -> String {
        let settings = &self.settings;
        let mut rules = Vec::new();
        match settings.failure_threshold {
            0 => {}
            1 => rules.push("a failure".to_owned()),
            failures => rules.push(format!("{failures} failures in a row")),
        }
        let window = match settings.span {
            Span::Calls(calls) => format!("{calls} calls"),
            Span::Nanos(nanos) => format!("{:?}", Duration::from_nanos(nanos)),
        };
        for (rate, what) in [(settings.failure_rate, "failed"), (settings.slow_rate, "slow")] {
            if rate > 0.0 {
                let percent = (rate * 1000.0).round() / 10.0;
                rules.push(format!("{percent}% of {window} {what}"));
            }
        }
        rules.join(" or ")
    }

    /// The first break, without jitter.
    pub(crate) fn first_break(&self) -> Duration {
        Duration::from_nanos(self.settings.recovery)
    }

    /// Whether another breaker of the same name behaves otherwise.
    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        self.name == other.name && !self.agrees_with(other)
    }
}
