//! The handles of one operation: looked up in the recorder once, then kept.

use std::sync::OnceLock;

use metrics::{Counter, Histogram, Key, Label, Level, Metadata, with_recorder};

use super::recorder;
use crate::engine::StopReason;
use crate::telemetry::cold::KeyResult;

pub(super) static METADATA: Metadata<'static> =
    Metadata::new("steadfast", Level::INFO, Some("steadfast"));

/// Results of calls that no `StopReason` names.
const OK_RETRIED: &str = "ok_retried";
const FALLBACK: &str = "fallback";

/// Every value of the label `result` of `steadfast_calls_total`.
pub const RESULTS: [&str; StopReason::ALL.len() + 2] = {
    let mut results = [OK_RETRIED; StopReason::ALL.len() + 2];
    let mut index = 0;
    while index < StopReason::ALL.len() {
        results[index] = StopReason::ALL[index].as_str();
        index += 1;
    }
    results[index] = OK_RETRIED;
    results[index + 1] = FALLBACK;
    results
};

/// Every value of the label `outcome` of `steadfast_attempts_total`.
pub const OUTCOMES: [&str; 9] = [
    "ok",
    "permanent",
    "transient",
    "timeout",
    "throttled",
    "conflict",
    "poll",
    "circuit_open",
    "cancelled",
];

/// A handle, and the key to look it up with.
#[derive(Debug)]
struct Slot<H> {
    key: OnceLock<Key>,
    handle: OnceLock<H>,
}

impl<H> Slot<H> {
    const fn new() -> Self {
        Self { key: OnceLock::new(), handle: OnceLock::new() }
    }

    fn key(&self, name: &'static str, labels: &[(&'static str, &'static str)]) -> &Key {
        self.key.get_or_init(|| {
            let labels = labels.iter().map(|(key, value)| Label::from_static_parts(key, value));
            Key::from_parts(name, labels.collect::<Vec<_>>())
        })
    }
}

impl Slot<Counter> {
    fn add(&self, count: u64, name: &'static str, labels: &[(&'static str, &'static str)]) {
        with_recorder(|recorder| {
            let look_up = || recorder.register_counter(self.key(name, labels), &METADATA);
            if recorder::stays(recorder) {
                self.handle.get_or_init(look_up).increment(count);
            } else {
                look_up().increment(count);
            }
        });
    }
}

impl Slot<Histogram> {
    fn record(&self, name: &'static str, operation: &'static str, seconds: f64) {
        with_recorder(|recorder| {
            let key = || self.key(name, &[("operation", operation)]);
            let look_up = || recorder.register_histogram(key(), &METADATA);
            if recorder::stays(recorder) {
                self.handle.get_or_init(look_up).record(seconds);
            } else {
                look_up().record(seconds);
            }
        });
    }
}

/// One slot for every series that an operation can have, so that their number is fixed when the
/// program is compiled.
#[derive(Debug)]
pub(crate) struct Handles {
    calls: [Slot<Counter>; RESULTS.len()],
    attempts: [Slot<Counter>; OUTCOMES.len()],
    keys: [Slot<Counter>; KeyResult::ALL.len()],
    delay: Slot<Histogram>,
    duration: Slot<Histogram>,
}

impl Handles {
    pub(crate) const fn new() -> Self {
        Self {
            calls: [const { Slot::new() }; RESULTS.len()],
            attempts: [const { Slot::new() }; OUTCOMES.len()],
            keys: [const { Slot::new() }; KeyResult::ALL.len()],
            delay: Slot::new(),
            duration: Slot::new(),
        }
    }

    pub(super) fn call(&self, operation: &'static str, result: &'static str) {
        self.calls(operation, result, 1);
    }

    fn calls(&self, operation: &'static str, result: &'static str, count: u64) {
        if let Some(slot) = RESULTS.iter().position(|known| *known == result) {
            let labels = [("operation", operation), ("result", result)];
            self.calls[slot].add(count, super::CALLS, &labels);
        }
    }

    /// Shows the counters that alerts look at before they count anything: the step from no series to
    /// a first one is none that an alert can see.
    pub(super) fn announce(&self, operation: &'static str, keyed: bool) {
        for result in ["ok", OK_RETRIED, "exhausted", "budget"] {
            self.calls(operation, result, 0);
        }
        for result in KeyResult::ALL.into_iter().filter(|_| keyed) {
            self.key_results(operation, result, 0);
        }
    }

    pub(super) fn attempt(&self, operation: &'static str, outcome: &'static str) {
        if let Some(slot) = OUTCOMES.iter().position(|known| *known == outcome) {
            let labels = [("operation", operation), ("outcome", outcome)];
            self.attempts[slot].add(1, super::ATTEMPTS, &labels);
        }
    }

    #[cfg(any(feature = "idempotent", test))]
    pub(super) fn key_result(&self, operation: &'static str, result: KeyResult) {
        self.key_results(operation, result, 1);
    }

    fn key_results(&self, operation: &'static str, result: KeyResult, count: u64) {
        let labels = [("operation", operation), ("result", result.as_str())];
        self.keys[result as usize].add(count, super::IDEMPOTENCY, &labels);
    }

    pub(super) fn delay(&self, operation: &'static str, seconds: f64) {
        self.delay.record(super::DELAY, operation, seconds);
    }

    pub(super) fn duration(&self, operation: &'static str, seconds: f64) {
        self.duration.record(super::DURATION, operation, seconds);
    }
}
