//! E6: metastable failure. A spike of five seconds is long over, and retries alone keep the service
//! down; what lets it recover.

use std::collections::HashMap;
use std::time::Duration;

use steadfast::breaker::Permit;
use steadfast::{CircuitBreaker, Jitter, RetryPolicy};

use crate::client::{Budget, Delays, at_once};
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Queue, Rng, SECOND, at, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

const RATE: f64 = 50.0;
const SPIKE_RATE: f64 = 80.0;
const SPIKE: (f64, f64) = (20.0, 25.0);
const TIMEOUT: u64 = 3 * SECOND;
const LENGTH: u64 = 150;

/// What the clients do.
pub(crate) struct Clients {
    pub(crate) policy: RetryPolicy,
    /// One for each process; calls are spread over them.
    pub(crate) budgets: Vec<Budget>,
    pub(crate) breaker: Option<CircuitBreaker>,
}

/// What a run showed, by second.
pub(crate) struct Run {
    /// Calls by the second in which they began, and those of them that succeeded.
    calls: Vec<u32>,
    ok: Vec<u32>,
    /// Calls by the second in which they ended, and those of them that succeeded.
    ended: Vec<u32>,
    ended_ok: Vec<u32>,
    sends: Vec<u32>,
}

/// A service that is not well so long after the spike has not recovered.
const PATIENCE: f64 = 60.0;

impl Run {
    fn goodput(&self, from: usize, to: usize) -> f64 {
        share(&self.ok[from..to], &self.calls[from..to])
    }

    /// Seconds after the spike from which on calls end well again, to the end.
    pub(crate) fn recovered(&self) -> Option<f64> {
        let (spike, end) = (SPIKE.1 as usize, LENGTH as usize - 20);
        let well = |second: usize| {
            self.ended[second] > 0
                && share(&self.ended_ok[second..=second], &self.ended[second..=second]) >= 0.9
        };
        let from = (spike..end).rev().find(|&second| !well(second)).map_or(spike, |bad| bad + 1);
        let after = from as f64 - SPIKE.1;
        (after <= PATIENCE).then_some(after)
    }

    /// From the spike on.
    pub(crate) fn sends_per_call(&self) -> f64 {
        let from = SPIKE.1 as usize;
        let sum = |of: &[u32]| of[from..LENGTH as usize].iter().sum::<u32>();
        f64::from(sum(&self.sends)) / f64::from(sum(&self.calls).max(1))
    }
}

fn share(part: &[u32], of: &[u32]) -> f64 {
    f64::from(part.iter().sum::<u32>()) / f64::from(of.iter().sum::<u32>().max(1))
}

enum Event {
    Call,
    Send(usize),
    Arrive(usize, u32),
    Served(usize, u32),
    Answer(usize, u32),
    Timeout(usize, u32),
}

struct Call<'a> {
    second: usize,
    process: usize,
    /// The attempt that is waited for; later answers to earlier ones are too late.
    attempt: u32,
    delays: Delays<'a>,
    over: bool,
}

/// One run.
pub(crate) fn run(clients: &mut Clients, rng: &mut Rng) -> Run {
    let Clients { policy, budgets, breaker } = clients;
    let (policy, breaker) = (&*policy, breaker.as_ref());
    // Calls of the last seconds end later.
    let zeros = || vec![0; LENGTH as usize + 200];
    let mut result =
        Run { calls: zeros(), ok: zeros(), ended: zeros(), ended_ok: zeros(), sends: zeros() };
    let mut queue = Queue::new();
    let mut calls: Vec<Call> = Vec::new();
    let mut permits: HashMap<usize, Permit> = HashMap::new();
    let mut inflight = 0_u32;
    let leg = |rng: &mut Rng| nanos(rng.exponential(0.1));
    queue.push(0, Event::Call);
    while let Some((now, event)) = queue.pop() {
        let second = (now / SECOND) as usize;
        if second >= result.calls.len() {
            break;
        }
        match event {
            Event::Call => {
                // Thinned out from the higher rate.
                let spike = (SPIKE.0..SPIKE.1).contains(&seconds(now));
                let gap = nanos(rng.exponential(1.0 / SPIKE_RATE)).max(1);
                if now + gap < LENGTH * SECOND {
                    queue.push(now + gap, Event::Call);
                }
                if spike || rng.chance(RATE / SPIKE_RATE) {
                    let process = (rng.u64() % budgets.len() as u64) as usize;
                    result.calls[second] += 1;
                    budgets[process].begin();
                    let delays = Delays::new(policy);
                    calls.push(Call { second, process, attempt: 0, delays, over: false });
                    queue.push(now, Event::Send(calls.len() - 1));
                }
            }
            Event::Send(id) => {
                let call = &mut calls[id];
                if let Some(breaker) = breaker {
                    match breaker.try_acquire_at(at(now), rng.u64()) {
                        Ok(permit) => {
                            permits.insert(id, permit);
                        }
                        // Rejected: nothing is slept on an open circuit.
                        Err(_) => {
                            call.over = true;
                            result.ended[second] += 1;
                            budgets[call.process].end();
                            continue;
                        }
                    }
                }
                call.attempt += 1;
                result.sends[second] += 1;
                queue.push(now + leg(rng), Event::Arrive(id, call.attempt));
                queue.push(now + TIMEOUT, Event::Timeout(id, call.attempt));
            }
            Event::Arrive(id, attempt) => {
                // The server works on, whether anybody still waits or not.
                inflight += 1;
                let served = now + nanos(1.0 + 0.01 * f64::from(inflight));
                queue.push(served, Event::Served(id, attempt));
            }
            Event::Served(id, attempt) => {
                inflight -= 1;
                queue.push(now + leg(rng), Event::Answer(id, attempt));
            }
            Event::Answer(id, attempt) => {
                let call = &mut calls[id];
                if !call.over && call.attempt == attempt {
                    call.over = true;
                    result.ok[call.second] += 1;
                    result.ended[second] += 1;
                    result.ended_ok[second] += 1;
                    budgets[call.process].end();
                    if let Some(permit) = permits.remove(&id) {
                        permit.success_at(at(now));
                    }
                }
            }
            Event::Timeout(id, attempt) => {
                let call = &mut calls[id];
                if call.over || call.attempt != attempt {
                    continue;
                }
                if let Some(permit) = permits.remove(&id) {
                    permit.failure_at(at(now));
                }
                if call.delays.left() && budgets[call.process].acquire(now) {
                    // Nobody waits for this attempt any more.
                    let delay = call.delays.next(rng.u64());
                    call.attempt += 1;
                    queue.push(now + delay, Event::Send(id));
                } else {
                    call.over = true;
                    result.ended[second] += 1;
                    budgets[call.process].end();
                }
            }
        }
    }
    result
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new("e6")
        .failure_rate(0.5)
        .window_duration(Duration::from_secs(10))
        .minimum_calls(20)
        .recovery_timeout(Duration::from_secs(5))
        .recovery_jitter(0.0)
        .half_open_requests(10)
}

struct Row {
    name: &'static str,
    clients: fn() -> Clients,
    goodput: Option<f64>,
    recovered: Option<&'static str>,
    after: Option<f64>,
}

fn with(policy: RetryPolicy, budget: Budget) -> Clients {
    Clients { policy, budgets: vec![budget], breaker: None }
}

const ROWS: [Row; 10] = [
    Row {
        name: "no retries",
        clients: || with(at_once(1), Budget::Unlimited),
        goodput: Some(1.0),
        recovered: Some("10 of 10"),
        after: Some(6.0),
    },
    Row {
        name: "plain retries",
        clients: || with(at_once(3), Budget::Unlimited),
        goodput: Some(0.0),
        recovered: Some("0 of 10"),
        after: None,
    },
    Row {
        name: "backoff U(0, 20 s), U(0, 40 s)",
        clients: || {
            let policy = RetryPolicy::new()
                .base_delay(Duration::from_secs(20))
                .max_delay(Duration::from_secs(40))
                .jitter(Jitter::Full);
            with(policy, Budget::Unlimited)
        },
        goodput: Some(0.20),
        recovered: Some("4 of 10"),
        after: None,
    },
    Row {
        name: "bucket 0.1 a call, capacity 10",
        clients: || with(at_once(3), Budget::bucket(0.0, 10, 0.1)),
        goodput: Some(1.0),
        recovered: Some("10 of 10"),
        after: Some(8.0),
    },
    Row {
        name: "breaker",
        clients: || Clients { breaker: Some(breaker()), ..with(at_once(3), Budget::Unlimited) },
        goodput: Some(1.0),
        recovered: Some("10 of 10"),
        after: Some(24.0),
    },
    Row {
        name: "bucket, capacity 500",
        clients: || with(at_once(3), Budget::bucket(0.0, 500, 0.1)),
        goodput: Some(1.0),
        recovered: Some("10 of 10"),
        after: Some(29.0),
    },
    Row {
        name: "bucket, capacity 2000",
        clients: || with(at_once(3), Budget::bucket(0.0, 2000, 0.1)),
        goodput: None,
        recovered: Some("0 of 10"),
        after: None,
    },
    Row {
        name: "the default budget, retries at once",
        clients: || with(at_once(3), Budget::default_for(3)),
        goodput: None,
        recovered: None,
        after: None,
    },
    Row {
        name: "… in 200 processes, a budget in each",
        clients: || Clients {
            policy: at_once(3),
            budgets: (0..200).map(|_| Budget::default_for(3)).collect(),
            breaker: None,
        },
        goodput: None,
        recovered: None,
        after: None,
    },
    Row {
        name: "`#[retry]` as it is, 200 processes",
        clients: || Clients {
            policy: RetryPolicy::new(),
            budgets: (0..200).map(|_| Budget::default_for(3)).collect(),
            breaker: None,
        },
        goodput: None,
        recovered: None,
        after: None,
    },
];

/// Runs with ten seeds: goodput from 60 s to 80 s, how many recovered, and the median time.
pub(crate) fn seeds(
    make: impl Fn() -> Clients,
    seeds: u64,
    seed: u64,
) -> (f64, usize, Option<f64>, f64) {
    let (mut goodput, mut times, mut load) = (0.0, Vec::new(), 0.0);
    for stream in 0..seeds {
        let run = run(&mut make(), &mut Rng::new(seed, 600 + stream));
        goodput += run.goodput(60, 80) / seeds as f64;
        load += run.sends_per_call() / seeds as f64;
        times.extend(run.recovered());
    }
    times.sort_by(f64::total_cmp);
    let median = (!times.is_empty()).then(|| times[times.len() / 2]);
    (goodput, times.len(), median, load)
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let runs = cx.size(10, 2);
    let mut table = Table::new(
        format!("E6  metastable failure: a spike from 20 s to 25 s, {runs} seeds"),
        &["goodput 60–80 s", "recovered", "median s after", "sends a call"],
    );
    for (number, row) in ROWS.iter().enumerate() {
        cx.progress("e6", number, ROWS.len());
        let (goodput, recovered, after, sends) = seeds(row.clients, runs, cx.seed);
        let known = row.recovered.filter(|_| runs == 10);
        table.row(
            row.name,
            vec![
                Cell::maybe(goodput, row.goodput),
                Cell::words(format!("{recovered} of {runs}"), known),
                after.map_or(Cell::words("never", None), |after| Cell::maybe(after, row.after)),
                Cell::of(sends),
            ],
        );
    }
    table.note("Recovered: within a minute after the spike nine of ten calls end well, for good.");
    Report { tables: vec![table], charts: vec![chart(cx)] }
}

fn chart(cx: &Context) -> Chart {
    let line = |row: usize, name, color| {
        let run = run(&mut (ROWS[row].clients)(), &mut Rng::new(cx.seed, 600));
        // Two seconds each, to take the noise of single calls out.
        let points = (0..60).map(|n| (2.0 * n as f64 + 1.0, run.goodput(2 * n, 2 * n + 2) * 100.0));
        Series::line(name, color, points.collect())
    };
    let panel = Panel::new("", "seconds", "calls that succeed, %")
        .x(0.0, 120.0)
        .y(-3.0, 108.0)
        .shade(SPIKE.0, SPIKE.1, "spike")
        .series(vec![
            line(0, "no retries", plot::GREEN),
            line(1, "2 retries without a budget", plot::VERMILION),
            line(7, "2 retries with the default budget", plot::BLUE),
        ]);
    Chart::new(
        "e6-metastable",
        "A spike of five seconds, and retries that keep the service down for good",
        "50 calls a second, 80 during the spike; the service slows down with its load, clients give up after 3 s.",
        vec![panel],
    )
}

#[test]
fn a_budget_lets_the_service_recover_and_plain_retries_do_not() {
    let (goodput, recovered, ..) = seeds(ROWS[1].clients, 2, 11);
    assert!(goodput < 0.05 && recovered == 0, "{goodput}");
    for row in &ROWS[7..] {
        let (goodput, recovered, ..) = seeds(row.clients, 2, 11);
        assert!(goodput > 0.9 && recovered == 2, "{}: {goodput}", row.name);
    }
}
