//! Your own policy under an outage: what it adds to the load, how long a caller waits, how long it
//! takes to recover, and whether it keeps an overloaded service down.

use steadfast::Jitter;

use crate::client::{Budget, Delays};
use crate::e6;
use crate::options::Options;
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Queue, Rng, SECOND, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

enum Event {
    Call(usize),
    Answer(usize),
    Send(usize),
}

struct Call<'a> {
    client: usize,
    begun: u64,
    delays: Delays<'a>,
    /// Whether the attempt under way was sent into the outage.
    doomed: bool,
}

/// What happened, by second.
struct Outcome {
    calls: Vec<u32>,
    sends: Vec<u32>,
    /// Calls that ended, by the second of their end, and those of them that succeeded.
    ended: Vec<u32>,
    ok: Vec<u32>,
    /// Seconds from the beginning to the end of each call that began in the outage.
    waits: Vec<f64>,
    /// The last moment at which a call ended that had begun in the outage.
    last_of_outage: u64,
}

const HEALTH: u64 = 60;

fn run(options: &Options, rng: &mut Rng, cx: &Context) -> Outcome {
    let policy = options.policy();
    let (from, to) = (HEALTH * SECOND, HEALTH * SECOND + nanos(options.outage.as_secs_f64()));
    let tail = (300 * SECOND)
        .max(u64::try_from(options.max_delay.as_nanos()).unwrap_or(u64::MAX).saturating_mul(2))
        .min(3600 * SECOND);
    let end = to + tail;
    let slots = usize::try_from(end / SECOND).unwrap_or(0) + 2;
    let zeros = || vec![0_u32; slots];
    let mut out = Outcome {
        calls: zeros(),
        sends: zeros(),
        ended: zeros(),
        ok: zeros(),
        waits: Vec::new(),
        last_of_outage: to,
    };
    let second = |moment: u64| usize::try_from(moment / SECOND).unwrap_or(0).min(slots - 1);
    let latency = nanos(options.latency.as_secs_f64());
    let mut budgets: Vec<Budget> = (0..options.clients).map(|_| options.budget()).collect();
    let mut calls: Vec<Call> = Vec::new();
    let mut queue = Queue::new();
    for client in 0..budgets.len() {
        queue.push(nanos(rng.exponential(1.0 / options.rate)), Event::Call(client));
    }
    let mut told = 0;
    while let Some((now, event)) = queue.pop() {
        if now >= end {
            break;
        }
        if now / (10 * SECOND) > told {
            told = now / (10 * SECOND);
            cx.progress("own", (now / SECOND) as usize, (end / SECOND) as usize);
        }
        match event {
            Event::Call(client) => {
                queue.push(
                    now + nanos(rng.exponential(1.0 / options.rate)).max(1),
                    Event::Call(client),
                );
                out.calls[second(now)] += 1;
                budgets[client].begin();
                calls.push(Call {
                    client,
                    begun: now,
                    delays: Delays::new(&policy),
                    doomed: false,
                });
                queue.push(now, Event::Send(calls.len() - 1));
            }
            Event::Send(id) => {
                out.sends[second(now)] += 1;
                calls[id].doomed = (from..to).contains(&now);
                queue.push(now + latency, Event::Answer(id));
            }
            Event::Answer(id) => {
                let call = &mut calls[id];
                if call.doomed && call.delays.left() {
                    let delay = call.delays.next(rng.u64());
                    let in_time = options.deadline.is_none_or(|deadline| {
                        seconds(now + delay - call.begun) < deadline.as_secs_f64()
                    });
                    // The budget is asked last, and before the sleep.
                    if in_time && budgets[call.client].acquire(now) {
                        queue.push(now + delay, Event::Send(id));
                        continue;
                    }
                }
                budgets[call.client].end();
                out.ended[second(now)] += 1;
                out.ok[second(now)] += u32::from(!call.doomed);
                if (from..to).contains(&call.begun) {
                    out.waits.push(seconds(now - call.begun));
                    out.last_of_outage = out.last_of_outage.max(now);
                }
            }
        }
    }
    out
}

impl Outcome {
    /// Sends over calls of a span of seconds.
    fn load(&self, from: usize, to: usize) -> f64 {
        let to = to.min(self.sends.len());
        let sum = |of: &[u32]| of[from..to].iter().map(|&n| f64::from(n)).sum::<f64>();
        sum(&self.sends) / sum(&self.calls).max(1.0)
    }

    /// The busiest second of a span, in multiples of the mean load of the calls.
    fn peak(&self, from: usize, to: usize, rate: f64) -> f64 {
        let most = self.sends[from..to.min(self.sends.len())].iter().copied().max();
        f64::from(most.unwrap_or(0)) / rate
    }
}

pub(crate) fn experiment(cx: &Context, options: &Options) -> Report {
    let outcome = run(options, &mut Rng::new(cx.seed, 900), cx);
    let outage = options.outage.as_secs_f64();
    let (from, to) = (HEALTH as usize, HEALTH as usize + (outage.ceil() as usize).max(1));
    let rate = options.rate * f64::from(options.clients);
    let mut waits = outcome.waits.clone();
    waits.sort_by(f64::total_cmp);
    let quantile = |share: f64| match waits.len() {
        0 => 0.0,
        len => waits[((len - 1) as f64 * share).round() as usize],
    };
    let mut table = Table::new(format!("own  {options}"), &["measured"]);
    let percent = |load: f64| Cell::words(format!("{:+.0} %", (load - 1.0) * 100.0), None);
    table.row(
        "extra load in the first minute of the outage",
        vec![percent(outcome.load(from, to.min(from + 60)))],
    );
    table.row("extra load over the outage", vec![percent(outcome.load(from, to))]);
    table.row(
        "busiest second, outage and the minute after, in multiples of the load",
        vec![Cell::of(outcome.peak(from, to + 60, rate))],
    );
    table.row("a call waits, median, s", vec![Cell::of(quantile(0.5))]);
    table.row("a call waits, 99 %, s", vec![Cell::of(quantile(0.99))]);
    table.row("a call waits, worst, s", vec![Cell::of(quantile(1.0))]);
    table.row("worst case by the policy alone, s", vec![Cell::of(worst(options))]);
    table.row(
        "until the last call of the outage has ended, s after it",
        vec![Cell::of((seconds(outcome.last_of_outage) - HEALTH as f64 - outage).max(0.0))],
    );
    table.row(
        "until the load is normal again, s after it",
        vec![Cell::of(calm(&outcome, to, rate))],
    );
    let runs = cx.size(10, 1);
    let metastable = || e6::Clients {
        policy: options.policy(),
        budgets: (0..options.clients).map(|_| options.budget()).collect(),
        breaker: None,
    };
    let (_, recovered, after, _) = e6::seeds(metastable, runs, cx.seed);
    let after = after.map_or("never".to_owned(), |after| format!("{after:.0} s after the spike"));
    table.row(
        "an overloaded service recovers (E6)",
        vec![Cell::words(format!("{recovered} of {runs} times, {after}"), None)],
    );
    let points = |of: &[u32]| {
        let until = (to + 120).min(of.len());
        (0..until).map(|second| (second as f64 + 0.5, f64::from(of[second]))).collect::<Vec<_>>()
    };
    let sends = points(&outcome.sends);
    let top = sends.iter().map(|&(_, y)| y).fold(1.0, f64::max) * 1.1;
    let panel = Panel::new("", "seconds", "calls, requests a second")
        .x(0.0, sends.last().map_or(1.0, |&(x, _)| x))
        .y(0.0, top)
        .shade(HEALTH as f64, HEALTH as f64 + outage, "outage")
        .series(vec![
            Series::line("requests", plot::VERMILION, sends),
            Series::line("calls", plot::BLUE, points(&outcome.calls)),
            Series::line("calls that succeed", plot::GREEN, points(&outcome.ok)),
        ]);
    let chart =
        Chart::new("own-outage", "Your policy in an outage", &options.to_string(), vec![panel]);
    Report { tables: vec![table], charts: vec![chart] }
}

/// The longest that a call can take: every attempt, and every delay without jitter.
fn worst(options: &Options) -> f64 {
    let policy = options.policy().jitter(Jitter::None);
    let mut delays = Delays::new(&policy);
    let mut total = options.latency.as_secs_f64();
    while delays.left() && delays.retries() < 100_000 {
        total += seconds(delays.next(u64::MAX)) + options.latency.as_secs_f64();
    }
    match options.deadline {
        Some(deadline) => total.min(deadline.as_secs_f64() + options.latency.as_secs_f64()),
        None => total,
    }
}

/// Seconds after the outage until ten seconds in a row bear no more than a tenth above the calls.
fn calm(outcome: &Outcome, end: usize, rate: f64) -> f64 {
    let slack = 1.1 + 3.0 / (rate * 10.0).sqrt();
    let calm = |second: &usize| {
        let sends: u32 = outcome.sends[*second..*second + 10].iter().sum();
        f64::from(sends) <= rate * 10.0 * slack
    };
    let last = outcome.sends.len().saturating_sub(12);
    (end..last).find(calm).map_or(f64::INFINITY, |second| (second - end) as f64)
}

#[cfg(test)]
use crate::options::options;

#[test]
fn a_budget_shows_in_the_load_and_the_schedule_in_the_waits() {
    let cx = Context::quiet(3);
    let base = ["--clients", "5", "--base-delay", "200ms", "--max-delay", "5s"];
    let paid = run(&options(&base), &mut Rng::new(3, 1), &cx);
    let mut unpaid = base.to_vec();
    unpaid.push("--no-budget");
    let unpaid = run(&options(&unpaid), &mut Rng::new(3, 1), &cx);
    assert!(paid.load(60, 120) < 1.35, "{}", paid.load(60, 120));
    assert!(unpaid.load(65, 120) > 2.8, "{}", unpaid.load(65, 120));
    // 200 + 400 ms of delays, three attempts of 50 ms.
    let longest = unpaid.waits.iter().copied().fold(0.0, f64::max);
    assert!(longest <= worst(&options(&base)) + 1e-6 && longest > 0.5, "{longest}");
    assert!((worst(&options(&base)) - 0.75).abs() < 1e-6);
}
