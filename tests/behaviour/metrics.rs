//! What reaches a recorder of the `metrics` facade.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, ErrorKind};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use steadfast::metrics::{METRICS, describe, refresh};
use steadfast::{RetryBudget, retry, testing};

fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new().build_recorder()
}

/// The series of this label, as an exporter for Prometheus prints them.
fn series(recorder: &PrometheusRecorder, label: &str) -> Vec<String> {
    let mut lines: Vec<_> = recorder
        .handle()
        .render()
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(label))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn calls_attempts_and_delays_are_counted_by_operation() {
    #[retry(name = "counted", jitter = "none", budget = none)]
    fn counted(calls: &mut u32, heal_at: u32) -> io::Result<()> {
        *calls += 1;
        if *calls < heal_at { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
    #[retry(name = "counted")]
    fn permanent() -> io::Result<()> {
        Err(ErrorKind::NotFound.into())
    }
    let _scope = testing::scope();
    let recorder = recorder();
    metrics::with_local_recorder(&recorder, || {
        for (heal_at, succeeds) in [(1, true), (1, true), (2, true), (9, false)] {
            assert_eq!(counted(&mut 0, heal_at).is_ok(), succeeds);
        }
        permanent().unwrap_err();
    });
    let counted = series(&recorder, r#"operation="counted""#);
    let (delays, counts): (Vec<_>, Vec<_>) = counted
        .into_iter()
        .filter(|line| !line.contains("quantile"))
        .partition(|line| line.contains("retry_delay"));
    assert_eq!(
        counts,
        [
            r#"steadfast_attempts_total{operation="counted",outcome="ok"} 3"#,
            r#"steadfast_attempts_total{operation="counted",outcome="permanent"} 1"#,
            r#"steadfast_attempts_total{operation="counted",outcome="timeout"} 4"#,
            // The delays, which the clock of the scope adds up: no call took longer.
            r#"steadfast_call_duration_seconds_count{operation="counted"} 5"#,
            r#"steadfast_call_duration_seconds_sum{operation="counted"} 4"#,
            r#"steadfast_calls_total{operation="counted",result="exhausted"} 1"#,
            r#"steadfast_calls_total{operation="counted",result="ok"} 2"#,
            r#"steadfast_calls_total{operation="counted",result="ok_retried"} 1"#,
            r#"steadfast_calls_total{operation="counted",result="permanent"} 1"#,
        ]
    );
    // 1 s, and 1 s and 2 s.
    assert!(
        delays.iter().any(|line| line.ends_with("_sum{operation=\"counted\"} 4")),
        "{delays:?}"
    );
    assert!(
        delays.iter().any(|line| line.ends_with("_count{operation=\"counted\"} 3")),
        "{delays:?}"
    );
}

#[test]
fn the_duration_of_a_call_has_its_delays_in_it() {
    #[retry(name = "lasting", jitter = "none", max_attempts = 2, deadline = soft("1m"))]
    fn lasting() -> io::Result<()> {
        Err(ErrorKind::TimedOut.into())
    }
    let _scope = testing::scope();
    let recorder = recorder();
    metrics::with_local_recorder(&recorder, || lasting().unwrap_err());
    let sum = r#"steadfast_call_duration_seconds_sum{operation="lasting"} 1"#;
    assert!(series(&recorder, "lasting").contains(&sum.to_owned()));
}

#[test]
fn a_call_that_waits_for_nothing_has_a_duration_too() {
    #[retry(name = "at once", base_delay = "0s", budget = none)]
    fn at_once(calls: &mut u32, heal_at: u32) -> io::Result<()> {
        *calls += 1;
        if *calls < heal_at { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
    let _scope = testing::scope();
    let recorder = recorder();
    metrics::with_local_recorder(&recorder, || {
        for (heal_at, succeeds) in [(1, true), (2, true), (9, false)] {
            assert_eq!(at_once(&mut 0, heal_at).is_ok(), succeeds);
        }
    });
    let count = r#"steadfast_call_duration_seconds_count{operation="at once"} 3"#;
    assert!(series(&recorder, "at once").contains(&count.to_owned()));
}

struct Secret(String);

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[test]
fn nothing_of_errors_or_arguments_becomes_a_label() {
    #[retry(name = "labels", on = any, max_attempts = 2, budget = none)]
    fn fails(text: &str) -> Result<(), Secret> {
        Err(Secret(text.to_owned()))
    }
    let _scope = testing::scope();
    let recorder = recorder();
    let mut sizes = BTreeSet::new();
    metrics::with_local_recorder(&recorder, || {
        for round in 0..200 {
            drop(fails(&format!("hunter2 {round} \"}} 1\nsteadfast_calls_total 7")));
            sizes.insert(series(&recorder, "").len());
        }
    });
    assert_eq!(sizes.len(), 1, "as many series after one call as after all: {sizes:?}");
    assert!(!recorder.handle().render().contains("hunter2"));
}

static PURSE: RetryBudget = RetryBudget::new(0.0, 3);

#[test]
fn budgets_are_gauges_that_a_refresh_brings_up_to_date() {
    #[retry(name = "purse", budget = PURSE, on = any)]
    fn pays() -> Result<(), Secret> {
        Err(Secret(String::new()))
    }
    let _scope = testing::scope();
    let recorder = recorder();
    metrics::with_local_recorder(&recorder, || {
        drop(pays());
        refresh();
        assert_eq!(series(&recorder, "PURSE"), [r#"steadfast_budget_tokens{budget="PURSE"} 1"#]);
        drop(pays());
        refresh();
    });
    assert_eq!(series(&recorder, "PURSE"), [r#"steadfast_budget_tokens{budget="PURSE"} 0"#]);
}

#[test]
fn a_breaker_that_opened_before_the_recorder_came_is_seen_after_a_refresh() {
    static BREAKER: steadfast::CircuitBreaker = steadfast::CircuitBreaker::new("metrics-late");
    let _ = BREAKER.register();
    BREAKER.force_open();
    let recorder = recorder();
    metrics::with_local_recorder(&recorder, || {
        describe();
        assert_eq!(
            series(&recorder, "metrics-late"),
            [r#"steadfast_breaker_state{breaker="metrics-late"} 3"#]
        );
        BREAKER.reset();
    });
    assert_eq!(
        series(&recorder, "metrics-late"),
        [
            r#"steadfast_breaker_state{breaker="metrics-late"} 0"#,
            r#"steadfast_breaker_transitions_total{breaker="metrics-late",from="forced_open",to="closed"} 1"#,
        ]
    );
}

#[test]
fn descriptions_reach_the_recorder() {
    #[retry(name = "described", deadline = soft("1m"), on = any)]
    fn described() -> Result<(), Secret> {
        Err(Secret(String::new()))
    }
    let _scope = testing::scope();
    let recorder = recorder();
    let text = metrics::with_local_recorder(&recorder, || {
        describe();
        drop(described());
        recorder.handle().render()
    });
    for metric in METRICS {
        let emitted = text.contains(&format!("\n{}{{", metric.name))
            || text.contains(&format!("\n{}_sum{{", metric.name));
        let help = format!("# HELP {} {}", metric.name, metric.description);
        assert_eq!(emitted, text.contains(&help), "{}\n{text}", metric.name);
    }
    assert!(text.matches("# HELP steadfast_").count() >= 4, "{text}");
}
