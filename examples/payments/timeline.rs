//! What you read in the terminal: a line every quarter of a second, a line for everything that
//! happens in between, and a table at the end. At most 100 columns.

use std::time::Duration;

use steadfast::breaker::State;

use crate::outage::{Counts, Outage};
use crate::terminal::{Paint, say};

/// Requests a second that a sign of the picture stands for, and how many signs fit.
const SIGN: f64 = 10.0;
const SIGNS: usize = 36;

pub(crate) fn opening(url: &str, between_calls: Duration) {
    let pace = 1.0 / between_calls.as_secs_f64();
    say(format_args!(
        "A payment service at {url} gets {pace:.0} calls a second, and is going to die."
    ));
    say("Each call is made through a circuit breaker, and once more to its twin without one.");
    say("A sign of the picture is ten requests a second: # with the breaker, + without it.");
    say("");
    let columns = "      time  sent/s  ok/s  failed/s  rejected/s  breaker";
    say(Paint::Heading.on(format!("{columns}    sent, with and without")));
}

pub(crate) fn row(at: Duration, span: Duration, state: State, with: &Counts, without: &Counts) {
    let per_second = |count: u64| count as f64 / span.as_secs_f64().max(0.001);
    let (sent, bare) = (per_second(with.sent), per_second(without.sent));
    let cells = format!(
        "{}  {sent:>6.0}  {:>4.0}  {:>8.0}  {:>10.0}",
        clock(at),
        per_second(with.ok),
        per_second(with.failed),
        per_second(with.rejected),
    );
    let paint = match state {
        State::Closed => Paint::Good,
        State::HalfOpen => Paint::Warning,
        _ => Paint::Bad,
    };
    let state = paint.on(format!("{:<9}", state.to_string()));
    let signs = |rate: f64| {
        // Rates are small and never negative.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let signs = (rate / SIGN).round() as usize;
        signs.min(SIGNS)
    };
    let (mine, all) = (signs(sent), signs(bare));
    let picture = "#".repeat(mine) + &"+".repeat(all.saturating_sub(mine));
    say(format!("{cells}  {state}  {picture}").trim_end());
}

pub(crate) fn event(at: Duration, what: &str) {
    say(format_args!("{}  {}", clock(at), Paint::Heading.on(format!("* {what}"))));
}

pub(crate) fn transition(at: Duration, from: State, to: State) {
    let (paint, meaning) = match (from, to) {
        (State::Closed, State::Open) => {
            (Paint::Bad, "five failures in a row; calls are rejected, nothing is sent")
        }
        (State::Open, State::HalfOpen) => {
            (Paint::Warning, "the break is over; up to three calls may probe")
        }
        (State::HalfOpen, State::Open) => {
            (Paint::Bad, "a probe failed; the next break is longer, up to 600 ms")
        }
        (State::HalfOpen, State::Closed) => (Paint::Good, "three probes succeeded"),
        _ => (Paint::Faint, "by hand"),
    };
    let what = paint.on(format!("> {from} to {to}: {meaning}"));
    say(format_args!("{}  {what}", clock(at)));
}

pub(crate) fn table(outage: &Outage) {
    let (with, without) = (&outage.with, &outage.without);
    let line = |what: &str, with: String, without: String| {
        say(format_args!("    {what:<40}  {with:>12}  {without:>15}"));
    };
    say("");
    say(Paint::Heading.on(format!("    {:<40}  with breaker  without breaker", "")));
    line("calls", with.calls.to_string(), without.calls.to_string());
    line("requests sent", with.sent.to_string(), without.sent.to_string());
    line(
        "  of these while the service was down",
        with.sent_while_down.to_string(),
        without.sent_while_down.to_string(),
    );
    line("saved: rejected, nothing sent", with.rejected.to_string(), without.rejected.to_string());
    line(
        "  of these while it was up again",
        with.rejected_while_up.to_string(),
        without.rejected_while_up.to_string(),
    );
    line("succeeded", with.ok.to_string(), without.ok.to_string());
    line("a call in vain took", mean_wait(with), mean_wait(without));
    let saved = without.sent_while_down.saturating_sub(with.sent_while_down);
    say("");
    say(format_args!(
        "    The breaker kept {saved} of {} requests off a service that tried to come back ({:.1} s).",
        without.sent_while_down,
        outage.took.as_secs_f64(),
    ));
}

fn clock(at: Duration) -> String {
    format!("    {:>4.2} s", at.as_secs_f64())
}

fn mean_wait(counts: &Counts) -> String {
    let calls = counts.failed + counts.rejected;
    let mean = counts.waited_in_vain.as_secs_f64() * 1000.0 / (calls.max(1) as f64);
    format!("{mean:.1} ms")
}
