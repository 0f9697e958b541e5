//! The account in the terminal: a heading for every call, a line for every attempt, how it ended,
//! and a table at the end.
//!
//! At most 100 columns and readable without colour. It knows nothing of HTTP.

use std::fmt::{self, Write as _};
use std::time::Duration;

use steadfast::{Classification, Report, RetryEvent, Snapshot, StopReason};

use crate::parts::{self, counted, milliseconds};
use crate::terminal::{Paint, say};

pub(crate) fn opening(address: &str) {
    say(format_args!(
        "A service at {address} fails the way services do. Annotated functions call it."
    ));
}

/// The hook of the annotated functions: an attempt failed and will be repeated after a delay.
pub(crate) fn on_retry(event: &RetryEvent<'_>) {
    let reason = event.error.map_or_else(String::new, ToString::to_string);
    let delay = milliseconds(event.delay);
    attempt(event.attempt, Paint::Warning, &reason, event.classification, &format!("wait {delay}"));
}

/// Ends a call: its last attempt, and why there is no further one.
pub(crate) fn ending(outcome: &Result<String, impl fmt::Display>, report: &Report) {
    match outcome {
        Ok(answer) => {
            attempt(report.attempts, Paint::Good, &format!("200 OK: {answer}"), None, "");
        }
        Err(error) => {
            let class = report.failures.last().copied();
            attempt(report.attempts, Paint::Bad, &error.to_string(), class, "");
        }
    }
    let paint = if outcome.is_ok() { Paint::Good } else { Paint::Bad };
    let attempts = counted(report.attempts.into(), "attempt");
    let slept = milliseconds(report.slept);
    let stop = format!("{}: {}", report.reason.as_str(), meaning(report.reason));
    say(format_args!("    {}", paint.on(format!("{stop} ({attempts}, {slept} slept)"))));
}

/// Ends a heading under which many calls were made: a sign for each, fifty in a row.
pub(crate) fn strip(signs: &[char], legend: &str) {
    for row in signs.chunks(50) {
        say(format_args!("    {}", row.iter().collect::<String>()));
    }
    say(format_args!("    {}", Paint::Faint.on(legend)));
}

/// What `steadfast::snapshot()` counted over all of it.
pub(crate) fn table(snapshot: &Snapshot) {
    let columns =
        ["calls", "attempts", "retry rate", "ok at once", "ok after retry", "failed", "slept"];
    let line = |name: &str, cells: [String; 7]| {
        let mut line = format!("    {name:<14}");
        for (cell, column) in cells.iter().zip(columns) {
            let _ = write!(line, "  {cell:>width$}", width = column.len().max(7));
        }
        line
    };
    let mut total = Row::default();
    say("");
    say(Paint::Heading.on(line("operation", columns.map(str::to_owned))));
    for operation in &snapshot.operations {
        let row = Row {
            calls: operation.calls,
            attempts: operation.attempts,
            at_once: operation.ok,
            healed: operation.healed(),
            slept: operation.slept,
        };
        say(line(operation.name, row.cells()));
        total.add(&row);
    }
    say(Paint::Heading.on(line("total", total.cells())));
    say("");
    say(format_args!(
        "    {} of {} calls succeeded: {} at once, {} because they were tried again.",
        total.at_once + total.healed,
        total.calls,
        total.at_once,
        total.healed
    ));
    let load = ratio(total.attempts, total.calls);
    say(format_args!("    The service got {load:.2} times as many requests as there were calls."));
}

#[derive(Default)]
struct Row {
    calls: u64,
    attempts: u64,
    at_once: u64,
    healed: u64,
    slept: Duration,
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.attempts += other.attempts;
        self.at_once += other.at_once;
        self.healed += other.healed;
        self.slept += other.slept;
    }

    fn cells(&self) -> [String; 7] {
        [
            self.calls.to_string(),
            self.attempts.to_string(),
            format!("{:.0} %", ratio(self.attempts - self.calls, self.calls) * 100.0),
            self.at_once.to_string(),
            self.healed.to_string(),
            (self.calls - self.at_once - self.healed).to_string(),
            milliseconds(self.slept),
        ]
    }
}

fn attempt(number: u32, paint: Paint, outcome: &str, class: Option<Classification>, next: &str) {
    let Some(since) = parts::elapsed() else { return };
    let class = class.map_or_else(String::new, described);
    // Numbers align to the right; what cannot be known in advance is cut where the next column
    // begins.
    let at = milliseconds(since);
    let outcome = paint.on(format!("{outcome:<32.32}"));
    let line = format!("    attempt {number:<2} {at:>9}   {outcome}  {class:<24.24}  {next}");
    say(line.trim_end());
}

fn described(class: Classification) -> String {
    let Some(kind) = class.retryable_kind() else { return "permanent".to_owned() };
    match class.hint() {
        Some(hint) => format!("{}, after {} s", kind.as_str(), hint.as_secs()),
        None if class.is_unsent() => format!("{}, unsent", kind.as_str()),
        None => kind.as_str().to_owned(),
    }
}

fn meaning(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Ok => "the call succeeded",
        StopReason::Permanent => "trying again cannot help",
        StopReason::Exhausted => "that was the last attempt",
        StopReason::Deadline => "the next attempt would begin after the deadline",
        StopReason::Budget => "too many retries for so few successes",
        StopReason::Hint => "the server wants to be left alone for longer than allowed here",
        _ => "see `StopReason`",
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
