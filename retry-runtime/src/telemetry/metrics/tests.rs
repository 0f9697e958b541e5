use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, KeyName, Metadata, Recorder,
    SharedString,
};

use super::*;
use crate::breaker::CircuitBreaker;
use crate::engine::StopReason;
use crate::operation::State as Counts;
use crate::telemetry::cold;

#[derive(Default)]
struct Cell {
    count: AtomicU64,
    value: Mutex<f64>,
    looked_up: AtomicU64,
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.count.fetch_add(value, Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.count.fetch_max(value, Relaxed);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        unreachable!("gauges are set")
    }

    fn decrement(&self, _: f64) {
        unreachable!("gauges are set")
    }

    fn set(&self, value: f64) {
        *self.value.lock().unwrap() = value;
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.count.fetch_add(1, Relaxed);
        *self.value.lock().unwrap() += value;
    }
}

/// Keeps every series under `name{key=value,…}`.
#[derive(Clone, Default)]
struct Series(Arc<Mutex<BTreeMap<String, Arc<Cell>>>>);

impl Series {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let name = format!("{}{{{}}}", key.name(), labels.collect::<Vec<_>>().join(","));
        let cell = Arc::clone(self.0.lock().unwrap().entry(name).or_default());
        cell.looked_up.fetch_add(1, Relaxed);
        cell
    }

    fn counts(&self, of: &str) -> Vec<(String, u64)> {
        let cells = self.0.lock().unwrap();
        let of = cells.iter().filter(|(name, _)| name.contains(of));
        of.map(|(name, cell)| (name.clone(), cell.count.load(Relaxed))).collect()
    }
}

impl Recorder for Series {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

macro_rules! operation {
    ($name:ident = $label:literal) => {
        static $name: Operation = {
            static STATE: Counts = Counts::new();
            Operation::new($label, "file", 1, None, &STATE, false)
        };
    };
}

/// Both in one test, because there is one process-wide recorder.
#[test]
fn handles_of_the_process_wide_recorder_are_kept_and_no_others() {
    operation!(OPERATION = "kept");
    let call = || call_ended(&OPERATION, "ok", None);
    call(); // Before any recorder: nowhere.
    let local = Series::default();
    metrics::with_local_recorder(&local, || (call(), call()));
    let global = Series::default();
    // Installed late, after calls and after a local one.
    metrics::set_global_recorder(global.clone()).unwrap();
    for _ in 0..100 {
        call();
    }
    metrics::with_local_recorder(&local, call);
    let series = "steadfast_calls_total{operation=kept,result=ok}".to_owned();
    assert_eq!(global.counts("=kept"), [(series.clone(), 100)]);
    assert_eq!(local.counts("=kept"), [(series.clone(), 3)]);
    let looked_up = |recorder: &Series| recorder.0.lock().unwrap()[&series].looked_up.load(Relaxed);
    assert_eq!((looked_up(&global), looked_up(&local)), (1, 3));
}

#[test]
fn every_word_of_a_result_an_outcome_and_a_key_is_a_series() {
    operation!(OPERATION = "words");
    let series = Series::default();
    metrics::with_local_recorder(&series, || {
        for reason in StopReason::ALL {
            call_ended(&OPERATION, reason.as_str(), Some(Duration::from_millis(10)));
        }
        call_ended(&OPERATION, "ok_retried", None);
        call_ended(&OPERATION, "fallback", None);
        for outcome in handles::OUTCOMES {
            attempt(&OPERATION, outcome);
        }
        for result in KeyResult::ALL {
            cold::key_result(&OPERATION, result);
        }
        delay(&OPERATION, Duration::from_secs(2));
    });
    let counts = series.counts("operation=words");
    let of = |metric: &str| counts.iter().filter(|(name, _)| name.starts_with(metric)).count();
    assert_eq!(of(CALLS), StopReason::ALL.len() + 2);
    assert_eq!(of(ATTEMPTS), handles::OUTCOMES.len());
    assert_eq!(of(IDEMPOTENCY), KeyResult::ALL.len());
    assert_eq!((of(DELAY), of(DURATION)), (1, 1));
    assert!(
        counts
            .iter()
            .all(|(name, count)| *count == if name.starts_with(DURATION) { 10 } else { 1 })
    );
    assert_eq!(OPERATION.state.cold.keys().len(), KeyResult::ALL.len());
}

#[test]
fn a_word_that_is_not_on_the_list_is_no_series() {
    operation!(OPERATION = "unlisted");
    let series = Series::default();
    metrics::with_local_recorder(&series, || {
        call_ended(&OPERATION, "https://user:hunter2@host", None);
        attempt(&OPERATION, "hunter2");
    });
    assert_eq!(series.counts(""), []);
}

#[test]
fn every_failure_that_the_log_names_is_an_outcome() {
    use crate::classify::{Classification, Kind};
    use crate::engine::Failure;

    for kind in [Kind::Transient, Kind::Timeout, Kind::Throttled, Kind::Conflict] {
        let failure = Failure::Classified(Classification::retryable().kind(kind));
        assert!(handles::OUTCOMES.contains(&failure.as_str()), "{kind:?}");
    }
    for failure in [Failure::Classified(Classification::permanent()), Failure::Poll] {
        assert!(handles::OUTCOMES.contains(&failure.as_str()), "{failure:?}");
    }
}

#[test]
fn a_transition_of_a_breaker_is_counted_and_sets_its_state() {
    let series = Series::default();
    let breaker = CircuitBreaker::new("metrics-transition").failure_threshold(1);
    let state = || {
        let cells = series.0.lock().unwrap();
        *cells["steadfast_breaker_state{breaker=metrics-transition}"].value.lock().unwrap()
    };
    metrics::with_local_recorder(&series, || {
        breaker.try_acquire().unwrap().failure();
        assert!((state() - 2.0).abs() < f64::EPSILON);
        breaker.reset();
    });
    assert!(state().abs() < f64::EPSILON);
    let transitions = series.counts("transitions");
    let expected = [("closed", "open"), ("open", "closed")].map(|(from, to)| {
        (format!("{TRANSITIONS}{{breaker=metrics-transition,from={from},to={to}}}"), 1)
    });
    assert_eq!(transitions, expected);
}

#[test]
fn every_metric_is_described_with_the_labels_that_it_has() {
    operation!(OPERATION = "labels");
    let series = Series::default();
    metrics::with_local_recorder(&series, || {
        call_ended(&OPERATION, "ok", Some(Duration::ZERO));
        attempt(&OPERATION, "ok");
        delay(&OPERATION, Duration::ZERO);
        idempotency(&OPERATION, KeyResult::Replayed);
        budget_tokens("labels", 1);
        CircuitBreaker::new("labels").force_open();
    });
    let mut seen = Vec::new();
    for (name, _) in series.counts("=labels") {
        let (name, labels) = name.split_once('{').unwrap();
        let labels: Vec<_> =
            labels.split(',').map(|label| label.split_once('=').unwrap().0).collect();
        let metric = METRICS.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(metric.labels, labels, "{name}");
        seen.push(metric.name);
    }
    seen.sort_unstable();
    let mut all = METRICS.map(|metric| metric.name);
    all.sort_unstable();
    assert_eq!(seen, all);
}
