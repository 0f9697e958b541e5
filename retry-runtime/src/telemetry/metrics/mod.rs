//! Numbers for a recorder of the [`metrics`](https://docs.rs/metrics) facade: Prometheus,
//! OpenTelemetry, `StatsD`, or one of your own.
//!
//! | metric | labels | |
//! |---|---|---|
//! | `steadfast_calls_total` | `operation`, `result` | calls that ended: `ok`, `ok_retried`, `fallback`, or the [`StopReason`](crate::StopReason) |
//! | `steadfast_attempts_total` | `operation`, `outcome` | calls of the body: `ok`, `permanent`, the [`Kind`](crate::Kind), `poll`, `circuit_open`, `cancelled` |
//! | `steadfast_retry_delay_seconds` | `operation` | a histogram of the delays before retries |
//! | `steadfast_call_duration_seconds` | `operation` | a histogram of whole calls, delays included |
//! | `steadfast_budget_tokens` | `budget` | a gauge: retries left |
//! | `steadfast_breaker_state` | `breaker` | a gauge: 0 closed, 1 half-open, 2 open, 3 forced open, 4 forced closed, 5 disabled |
//! | `steadfast_breaker_transitions_total` | `breaker`, `from`, `to` | changes of state |
//! | `steadfast_idempotency_total` | `operation`, `result` | the [`KeyResult`](crate::KeyResult) |
//!
//! Labels are names that stand in the source, so their number is fixed when the program is compiled;
//! nothing of an error, an argument or a key becomes one.
//!
//! Install a recorder at any time; what happened before is not in it, as with every use of the
//! facade. Handles are looked up once and kept, so do not let the recorder forget idle metrics: what
//! is written to a forgotten one is lost.

mod handles;
mod recorder;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Key, Label, Unit, with_recorder};

pub(crate) use handles::Handles;
pub use handles::{OUTCOMES, RESULTS};

use crate::breaker::{self, State, Transition};
use crate::call::StateRef;
use crate::operation::Operation;
use crate::registry;
#[cfg(any(feature = "idempotent", test))]
use crate::telemetry::cold::KeyResult;
use crate::telemetry::snapshot;

const CALLS: &str = "steadfast_calls_total";
const ATTEMPTS: &str = "steadfast_attempts_total";
const DELAY: &str = "steadfast_retry_delay_seconds";
const DURATION: &str = "steadfast_call_duration_seconds";
const TOKENS: &str = "steadfast_budget_tokens";
const STATE: &str = "steadfast_breaker_state";
const TRANSITIONS: &str = "steadfast_breaker_transitions_total";
const IDEMPOTENCY: &str = "steadfast_idempotency_total";

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// One sentence.
    pub description: &'static str,
}

/// Every metric that is emitted.
///
/// ```
/// use retry_runtime::metrics::METRICS;
/// assert!(METRICS.iter().all(|metric| metric.name.starts_with("steadfast_")));
/// ```
pub const METRICS: [Metric; 8] = [
    Metric {
        name: CALLS,
        labels: &["operation", "result"],
        kind: "counter",
        description: "Calls of annotated functions that ended, by result.",
    },
    Metric {
        name: ATTEMPTS,
        labels: &["operation", "outcome"],
        kind: "counter",
        description: "Calls of their bodies, by outcome.",
    },
    Metric {
        name: DELAY,
        labels: &["operation"],
        kind: "histogram",
        description: "Delays before retries.",
    },
    Metric {
        name: DURATION,
        labels: &["operation"],
        kind: "histogram",
        description: "Duration of whole calls, delays included.",
    },
    Metric {
        name: TOKENS,
        labels: &["budget"],
        kind: "gauge",
        description: "Retries that the budget still allows.",
    },
    Metric {
        name: STATE,
        labels: &["breaker"],
        kind: "gauge",
        description: "State of the circuit breaker: 0 closed, 1 half-open, 2 open, 3 forced open, \
                      4 forced closed, 5 disabled.",
    },
    Metric {
        name: TRANSITIONS,
        labels: &["breaker", "from", "to"],
        kind: "counter",
        description: "Changes of the state of circuit breakers.",
    },
    Metric {
        name: IDEMPOTENCY,
        labels: &["operation", "result"],
        kind: "counter",
        description: "Calls under an idempotency key, by what became of them.",
    },
];

/// Gives the recorder units and descriptions, shows the counters that alerts look at with 0, and
/// [refreshes](refresh) the gauges. Call it once, after the recorder is installed.
///
/// ```
/// retry_runtime::metrics::describe();
/// ```
pub fn describe() {
    with_recorder(|recorder| {
        for Metric { name, kind, description, .. } in METRICS {
            let unit = match kind {
                "histogram" => Unit::Seconds,
                _ => Unit::Count,
            };
            let (name, unit, description) = (name.into(), Some(unit), description.into());
            match kind {
                "counter" => recorder.describe_counter(name, unit, description),
                "gauge" => recorder.describe_gauge(name, unit, description),
                _ => recorder.describe_histogram(name, unit, description),
            }
        }
    });
    for operation in registry::all() {
        let keyed = operation.details.key.is_some();
        StateRef::of(operation).cold.metrics().announce(operation.name, keyed);
    }
    refresh();
}

/// Brings the gauges up to date: tokens of budgets, which refill while nobody asks, and states of
/// breakers from before the recorder was installed. Call it before every scrape or push.
///
/// ```
/// retry_runtime::metrics::refresh();
/// ```
pub fn refresh() {
    let snapshot::Snapshot { breakers, budgets, .. } = snapshot::snapshot();
    for breaker in breakers {
        breaker_state(breaker.name, breaker.state);
    }
    for budget in budgets {
        budget_tokens(budget.name, budget.tokens);
    }
}

/// A call has ended. `result` is one of the words of `StopReason`, `ok_retried` or `fallback`.
pub(crate) fn call_ended(
    operation: &'static Operation,
    result: &'static str,
    took: Option<Duration>,
) {
    let state = StateRef::of(operation);
    let handles = state.cold.metrics();
    handles.call(operation.name, result);
    if let Some(took) = took {
        handles.duration(operation.name, took.as_secs_f64());
    }
}

/// The body has run. `outcome` is `ok` or the failure's word in the log.
pub(crate) fn attempt(operation: &'static Operation, outcome: &'static str) {
    StateRef::of(operation).cold.metrics().attempt(operation.name, outcome);
}

/// A retry follows after a delay.
pub(crate) fn delay(operation: &'static Operation, delay: Duration) {
    StateRef::of(operation).cold.metrics().delay(operation.name, delay.as_secs_f64());
}

/// A call under an idempotency key has ended.
#[cfg(any(feature = "idempotent", test))]
pub(crate) fn idempotency(operation: &'static Operation, result: KeyResult) {
    StateRef::of(operation).cold.metrics().key_result(operation.name, result);
}

/// A breaker has changed its state.
pub(crate) fn breaker_transition(transition: &Transition) {
    let Transition { name, from, to, .. } = *transition;
    if !may_be_label(name) {
        return;
    }
    let labels = [("breaker", name), ("from", word(from)), ("to", word(to))];
    let labels = labels.map(|(key, value)| Label::from_static_parts(key, value));
    let key = Key::from_parts(TRANSITIONS, labels.to_vec());
    with_recorder(|recorder| {
        recorder.register_counter(&key, &handles::METADATA).increment(1);
    });
    breaker_state(name, to);
}

/// A breaker is in a state.
pub(crate) fn breaker_state(name: &'static str, state: State) {
    let value = match state {
        State::Closed => 0.0,
        State::HalfOpen => 1.0,
        State::Open => 2.0,
        State::ForcedOpen => 3.0,
        State::ForcedClosed => 4.0,
        State::Disabled => 5.0,
    };
    gauge(STATE, "breaker", name, value);
}

/// So much is left of a budget.
pub(crate) fn budget_tokens(name: &'static str, tokens: u64) {
    gauge(TOKENS, "budget", name, tokens as f64);
}

/// A state as a label: one word.
const fn word(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::HalfOpen => "half_open",
        State::Open => "open",
        State::ForcedOpen => "forced_open",
        State::ForcedClosed => "forced_closed",
        State::Disabled => "disabled",
    }
}

/// Transitions and refreshes are rare, so these look their handles up.
fn gauge(metric: &'static str, label: &'static str, name: &'static str, value: f64) {
    if may_be_label(name) {
        let key = Key::from_parts(metric, vec![Label::from_static_parts(label, name)]);
        with_recorder(|recorder| recorder.register_gauge(&key, &handles::METADATA).set(value));
    }
}

/// Names of breakers and budgets come from source code. A program that makes them from data gets no
/// more labels than this.
const MOST_NAMES: usize = 2 * breaker::MOST_NAMES;

fn may_be_label(name: &'static str) -> bool {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names.contains(name) || (names.len() < MOST_NAMES && names.insert(name))
}

#[cfg(test)]
mod tests;
