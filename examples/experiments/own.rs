//! Your own policy under an outage: what it adds to the load, how long a caller waits, how long it
//! takes to recover, and whether it keeps an overloaded service down.

use std::fmt;
use std::time::Duration;

use clap::{Args, ValueEnum};
use steadfast::{Jitter, RetryPolicy};

use crate::client::{Budget, Delays};
use crate::e6;
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Queue, Rng, SECOND, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

/// The policy, the clients and the outage.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Calls of the body in all, the first included.
    #[arg(long, default_value_t = 3)]
    pub(crate) max_attempts: u32,
    /// The first delay before jitter.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub(crate) base_delay: Duration,
    /// The ceiling of every delay.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) max_delay: Duration,
    /// Growth of the exponential schedule.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) factor: f64,
    #[arg(long, value_enum, default_value_t = Schedule::Exponential)]
    pub(crate) backoff: Schedule,
    #[arg(long, value_enum, default_value_t = JitterWord::Full)]
    pub(crate) jitter: JitterWord,
    /// No call goes on longer.
    #[arg(long, value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// Tokens that one call adds to the budget; with this or one of the next two the budget is a
    /// bucket, without it is the default one.
    #[arg(long)]
    pub(crate) budget_ratio: Option<f64>,
    /// Tokens that the bucket holds.
    #[arg(long)]
    pub(crate) budget_max: Option<u32>,
    /// Tokens that flow into the bucket each second.
    #[arg(long)]
    pub(crate) budget_rate: Option<f64>,
    /// Retry without any budget.
    #[arg(long, conflicts_with_all = ["budget_ratio", "budget_max", "budget_rate"])]
    pub(crate) no_budget: bool,
    /// Processes, each with a budget of its own.
    #[arg(long, default_value_t = 40)]
    pub(crate) clients: u32,
    /// Calls a second of each client.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) rate: f64,
    /// How long everything fails, after a minute of health.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) outage: Duration,
    /// How long one attempt takes, well or not.
    #[arg(long, default_value = "50ms", value_parser = duration)]
    pub(crate) latency: Duration,
}

/// How delays grow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Schedule {
    Exponential,
    Linear,
    Constant,
    Decorrelated,
}

/// How delays are spread.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum JitterWord {
    Full,
    Equal,
    None,
}

/// A duration as the attributes take it: `250ms`, `1.5s`, `2m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let wrong = || {
        format!("`{text}` is no duration; write a number and a unit: `250ms`, `1.5s`, `2m`, `1h`")
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| wrong())
}

impl Options {
    fn policy(&self) -> RetryPolicy {
        let policy = RetryPolicy::new()
            .max_attempts(self.max_attempts)
            .base_delay(self.base_delay)
            .max_delay(self.max_delay)
            .factor(self.factor)
            .jitter(match self.jitter {
                JitterWord::Full => Jitter::Full,
                JitterWord::Equal => Jitter::Equal,
                JitterWord::None => Jitter::None,
            });
        match self.backoff {
            Schedule::Exponential => policy.exponential(),
            Schedule::Linear => policy.linear(),
            Schedule::Constant => policy.constant(),
            Schedule::Decorrelated => policy.decorrelated(),
        }
        .validated()
    }

    fn budget(&self) -> Budget {
        if self.no_budget {
            return Budget::Unlimited;
        }
        if self.budget_ratio.is_none() && self.budget_max.is_none() && self.budget_rate.is_none() {
            return Budget::default_for(self.max_attempts);
        }
        let (rate, ratio) = (self.budget_rate.unwrap_or(0.0), self.budget_ratio.unwrap_or(0.0));
        Budget::bucket(rate, self.budget_max.unwrap_or(10), ratio)
    }

    /// What cannot be simulated, in words.
    pub(crate) fn check(&self) -> Result<(), String> {
        let calls = self.rate * f64::from(self.clients) * (self.outage.as_secs_f64() + 360.0);
        if self.max_attempts == 0 {
            return Err("`--max-attempts` counts the first call: at least 1".into());
        }
        if self.base_delay > self.max_delay {
            return Err("`--max-delay` is shorter than `--base-delay`".into());
        }
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Err("`--factor` is a finite number of at least 1".into());
        }
        if !(self.rate > 0.0 && self.rate <= 1e6) || self.clients == 0 {
            return Err("`--rate` is above 0 and at most 1e6, `--clients` at least 1".into());
        }
        if self.budget_ratio.is_some_and(|ratio| !(0.0..=1000.0).contains(&ratio)) {
            return Err("`--budget-ratio` is from 0 to 1000".into());
        }
        if self.budget_rate.is_some_and(|rate| !(0.0..=1e9).contains(&rate)) {
            return Err("`--budget-rate` is from 0 to 1e9".into());
        }
        if self.budget_max.is_some_and(|most| !(1..=1_000_000_000).contains(&most)) {
            return Err("`--budget-max` is from 1 to 1000000000".into());
        }
        if calls > 2e7 || calls.is_nan() {
            return Err(format!(
                "{calls:.0} calls are more than the 20 million that are simulated"
            ));
        }
        Ok(())
    }
}

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

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let jitter = match self.jitter {
            JitterWord::Full => "full",
            JitterWord::Equal => "equal",
            JitterWord::None => "no",
        };
        write!(
            f,
            "{} attempts, {:?} to {:?}, {jitter} jitter; {} clients of {} calls a second; {:?} of outage",
            self.max_attempts,
            self.base_delay,
            self.max_delay,
            self.clients,
            self.rate,
            self.outage
        )
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

#[test]
fn durations_are_read_as_the_attributes_read_them() {
    assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    for wrong in ["", "5", "s", "-1s", "1d", "1 s", "nans"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[cfg(test)]
pub(crate) fn options(arguments: &[&str]) -> Options {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }
    let line = std::iter::once("own").chain(arguments.iter().copied());
    <Line as clap::Parser>::try_parse_from(line).unwrap().options
}

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

#[test]
fn what_cannot_be_meant_is_refused_in_words() {
    for (arguments, said) in [
        (["--max-attempts", "0"], "--max-attempts"),
        (["--base-delay", "2m"], "--max-delay"),
        (["--factor", "0.5"], "--factor"),
        (["--rate", "0"], "--rate"),
        (["--budget-ratio", "-1"], "--budget-ratio"),
        (["--budget-max", "0"], "--budget-max"),
        (["--rate", "1000000"], "20 million"),
    ] {
        let arguments = [&format!("{}={}", arguments[0], arguments[1])[..]];
        let refused = options(&arguments).check().unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}
