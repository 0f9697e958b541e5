//! The account in the terminal: a heading for every part, a line for every attempt, what the caller
//! got, what the bank saw, and a table at the end. At most 100 columns.

use std::time::Duration;

use steadfast::idempotency::IdempotencyError;
use steadfast::{Report, RetryEvent, StopReason};

use crate::parts::{self, counted, milliseconds};
use crate::terminal::{Paint, say};
use crate::{PaymentError, Receipt};

pub(crate) fn opening(url: &str, place: &str) {
    say(format_args!("A bank at {url} charges first and then loses the answer."));
    say(format_args!("One annotated function charges orders there; its answers are kept {place}."));
}

/// The hook of the annotated function: an attempt failed and will be repeated after a delay.
pub(crate) fn on_retry(event: &RetryEvent<'_>) {
    let reason = event.error.map_or_else(String::new, ToString::to_string);
    let next = format!("wait {}", milliseconds(event.delay));
    line(&format!("attempt {}", event.attempt), Paint::Warning, &reason, &next);
}

/// What a caller got.
pub(crate) fn ending(outcome: &Result<Receipt, PaymentError>, report: &Report) {
    let attempt = format!("attempt {}", report.attempts);
    match outcome {
        Ok(receipt) if sent(report) => line(&attempt, Paint::Good, &words(receipt), ""),
        Ok(receipt) => line("answered", Paint::Good, &words(receipt), ""),
        Err(error @ PaymentError::Open(open)) => {
            let left = open.retry_after.unwrap_or_default().as_millis();
            line("rejected", Paint::Bad, &error.to_string(), &format!("for another {left} ms"));
        }
        Err(error) if sent(report) => {
            line(&attempt, Paint::Bad, &error.to_string(), meaning(report));
        }
        Err(error) => line("held", Paint::Bad, &error.to_string(), ""),
    }
}

/// Whether the retried part of the function ran at all, or an earlier answer was enough.
pub(crate) fn sent(report: &Report) -> bool {
    !report.operation.is_empty()
}

/// What several callers of one order got.
pub(crate) fn same_answers(callers: usize, receipt: &Receipt) {
    line(&format!("{callers} callers"), Paint::Good, &words(receipt), "the same answer for all");
}

/// What happened beside the calls.
pub(crate) fn event(who: &str, what: &str) {
    line(who, Paint::Heading, what, "");
}

/// What arrived at the bank since the part began.
pub(crate) fn bank(requests: u64, charges: u64, lookups: u64) {
    let looked =
        if lookups == 0 { String::new() } else { format!(", {}", counted(lookups, "look-up")) };
    let requests = counted(requests, "request");
    let what =
        format!("the bank got {requests}{looked}, and booked {}", counted(charges, "charge"));
    say(format_args!("    {}", Paint::Faint.on(what)));
}

/// One line of the table at the end.
pub(crate) struct Row {
    pub(crate) order: u64,
    pub(crate) calls: u64,
    pub(crate) requests: u64,
    pub(crate) charges: u64,
}

pub(crate) fn table(rows: &[Row], took: Duration) {
    say("");
    let columns =
        format!("    {:<18}  {:>5}  {:>8}  {:>7}", "order", "calls", "requests", "charges");
    say(Paint::Heading.on(columns));
    for row in rows {
        let Row { order, calls, requests, charges } = row;
        let paint = if *charges == 1 { Paint::Good } else { Paint::Bad };
        let charges = paint.on(format!("{charges:>7}"));
        say(format_args!("    {order:<18}  {calls:>5}  {requests:>8}  {charges}"));
    }
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let once = rows.iter().all(|row| row.charges == 1);
    let verdict = if once { "every order was charged exactly once" } else { "this is wrong" };
    say("");
    say(format_args!(
        "    {} calls, {} requests, {} charges for {} orders: {verdict} ({:.1} s).",
        sum(|row| row.calls),
        sum(|row| row.requests),
        sum(|row| row.charges),
        rows.len(),
        took.as_secs_f64(),
    ));
}

/// What a run with another store would show.
pub(crate) fn hint() {
    say(
        "    A store in memory ends with its process. What a killed one leaves behind is shown with",
    );
    say("    `--all-features -- --store answers.redb`, or the URL of a Redis or Postgres.");
}

pub(crate) fn words(receipt: &Receipt) -> String {
    let Receipt { number, cents } = receipt;
    format!("receipt {number} over {}.{:02}", cents / 100, cents % 100)
}

/// Why a call has neither an answer of its own nor an earlier one.
pub(crate) fn unanswered(error: &IdempotencyError) -> String {
    match error {
        IdempotencyError::Unknown { .. } => "unknown whether it was charged".to_owned(),
        error => error.to_string(),
    }
}

fn meaning(report: &Report) -> &'static str {
    match report.reason {
        StopReason::Exhausted => "that was the last attempt",
        StopReason::CircuitOpen => "fifth in a row: the circuit opens",
        _ => "",
    }
}

fn line(what: &str, paint: Paint, outcome: &str, next: &str) {
    // Nothing is told of calls that are no part of the story.
    let Some(since) = parts::elapsed() else { return };
    let at = milliseconds(since);
    // The outcome is padded before it is painted, so that colour does not count as width.
    let outcome = paint.on(format!("{outcome:<32}"));
    say(format!("    {what:<10} {at:>8}   {outcome}  {next}").trim_end());
}
