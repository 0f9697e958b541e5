//! The account in the terminal: a heading for every call, a line for every attempt, how it ended.
//!
//! At most 100 columns, readable without colour; colour only where standard output is a terminal
//! and `NO_COLOR` is not set. It knows nothing of HTTP.

use std::{
    fmt,
    io::{IsTerminal, stdout},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use steadfast::{OperationSnapshot, Report, RetryEvent, StopReason};

/// Every line of the account fits.
pub(crate) const WIDTH: usize = 100;

/// When the call that is being told began. One call is told at a time.
static BEGUN: Mutex<Option<Instant>> = Mutex::new(None);

/// Begins a call: what is going to happen, and with which settings.
pub(crate) fn heading(number: usize, title: &str, settings: &str) {
    println!();
    println!("{}", paint(Paint::Bold, format_args!("{number:>2}  {title}")));
    println!("    {}", paint(Paint::Dim, settings));
    *begun() = Some(Instant::now());
}

/// The hook of every annotated function: an attempt failed and will be repeated after a delay.
pub(crate) fn on_retry(event: &RetryEvent) {
    if begun().is_none() {
        return;
    }
    let next = format!("waits {}", milliseconds(event.delay()));
    line(event.attempt(), Paint::Warn, &event.reason(), &class(event), &next);
}

/// Ends a call: its last attempt, and why there is no further one.
pub(crate) fn ending(outcome: &Result<String, impl fmt::Display>, report: &Report) {
    let attempts = report.attempts();
    match outcome {
        Ok(answer) => line(attempts, Paint::Good, &format!("200 OK, {answer:?}"), "", ""),
        Err(error) => line(attempts, Paint::Bad, &error.to_string(), "", ""),
    }
    let paint_of = if outcome.is_ok() { Paint::Good } else { Paint::Bad };
    let verdict = format!("{}: {}", report.stop(), meaning(report.stop()));
    let slept = milliseconds(report.slept());
    println!("    {}", paint(paint_of, verdict));
    println!("    {}", paint(Paint::Dim, format_args!("{}, {slept} slept", counted(attempts, "attempt"))));
    *begun() = None;
}

/// Ends a heading under which many calls were made: how they went, one sign each.
pub(crate) fn strip(signs: &str, explanation: &str) {
    for row in signs.as_bytes().chunks(WIDTH - 8) {
        println!("    {}", String::from_utf8_lossy(row));
    }
    println!("    {}", paint(Paint::Dim, explanation));
    *begun() = None;
}
