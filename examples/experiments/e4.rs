//! E4: how much load retries add while a dependency fails, with and without a budget.

use std::time::Duration;

use steadfast::budget::AdaptiveBudget;

use crate::client::{Budget, Delays, at_once};
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Rng, SECOND, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

/// What the clients retry with: the name, a budget for each client, the known answers.
struct Row {
    name: &'static str,
    budget: fn() -> Budget,
    /// Load and success in per cent at p = 0.1, 0.2, 0.5, and load at p = 1.
    known: Option<[f64; 7]>,
    /// Load of small clients in minute 1 and minute 5.
    small: Option<[f64; 2]>,
}

const ROWS: [Row; 5] = [
    Row {
        name: "3 retries, no budget",
        budget: || Budget::Unlimited,
        known: Some([1.11, 99.99, 1.25, 99.8, 1.88, 93.7, 4.00]),
        small: None,
    },
    Row {
        name: "0.1 a call, capacity 5",
        budget: || Budget::bucket(0.0, 5, 0.1),
        known: Some([1.09, 98.4, 1.10, 87.9, 1.10, 55.0, 1.10]),
        small: Some([1.85, 1.10]),
    },
    // A window of ten seconds in the terms of a bucket: what comes in during that time.
    Row {
        name: "0.2 a call, capacity 20",
        budget: || Budget::bucket(0.0, 20, 0.2),
        known: Some([1.11, 99.9, 1.18, 93.9, 1.19, 59.5, 1.20]),
        small: None,
    },
    Row {
        name: "… and 10 a second, capacity 120",
        budget: || Budget::bucket(10.0, 120, 0.2),
        known: Some([1.11, 99.99, 1.25, 99.8, 1.88, 93.6, 2.20]),
        small: Some([4.0, 4.0]),
    },
    Row { name: "the default budget", budget: || Budget::default_for(4), known: None, small: None },
];

/// Sends, calls and successes, by second of the simulation.
#[derive(Default)]
struct Counts {
    sends: Vec<u64>,
    calls: Vec<u64>,
    ok: Vec<u64>,
}

impl Counts {
    fn new(seconds: u64) -> Self {
        let zeros = || vec![0; usize::try_from(seconds).unwrap_or(0)];
        Self { sends: zeros(), calls: zeros(), ok: zeros() }
    }

    /// Load, and success in per cent, of a span of seconds.
    fn over(&self, from: usize, to: usize) -> (f64, f64) {
        let sum = |of: &[u64]| of[from..to].iter().sum::<u64>() as f64;
        let calls = sum(&self.calls).max(1.0);
        (sum(&self.sends) / calls, sum(&self.ok) / calls * 100.0)
    }
}

/// One client: Poisson calls at `rate` for some seconds, each attempt failing with the probability
/// that `fails` gives for its moment.
fn client(
    budget: &mut Budget,
    rate: f64,
    length: u64,
    fails: impl Fn(f64) -> f64,
    rng: &mut Rng,
    counts: &mut Counts,
) {
    let policy = at_once(4);
    let mut now = nanos(rng.exponential(1.0 / rate));
    while now < length * SECOND {
        let second = usize::try_from(now / SECOND).unwrap_or(0);
        counts.calls[second] += 1;
        budget.begin();
        let mut delays = Delays::new(&policy);
        loop {
            counts.sends[second] += 1;
            if !rng.chance(fails(seconds(now))) {
                counts.ok[second] += 1;
                break;
            }
            if !delays.left() || !budget.acquire(now) {
                break;
            }
            delays.next(0);
        }
        budget.end();
        now += nanos(rng.exponential(1.0 / rate)).max(1);
    }
}

fn fleet(
    row: &Row,
    clients: u64,
    rate: f64,
    length: u64,
    fails: impl Fn(f64) -> f64 + Copy,
    seed: u64,
) -> Counts {
    let mut counts = Counts::new(length);
    for number in 0..clients {
        let mut rng = Rng::new(seed, 4000 + number);
        client(&mut (row.budget)(), rate, length, fails, &mut rng, &mut counts);
    }
    counts
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let clients = cx.size(40, 8);
    let title = |what| {
        format!(
            "E4  {clients} clients of 10 calls a second, 3 retries at once, 120 s to 300 s: {what}"
        )
    };
    let columns = ["p = 0.1", "p = 0.2", "p = 0.5", "p = 1"];
    let mut loads = Table::new(title("requests for each call"), &columns);
    let mut successes = Table::new(title("calls that succeed, %"), &columns[..3]);
    for (number, row) in ROWS.iter().enumerate() {
        let (mut load_cells, mut ok_cells) = (Vec::new(), Vec::new());
        for (column, p) in [0.1, 0.2, 0.5, 1.0].into_iter().enumerate() {
            cx.progress("e4", number * 4 + column, ROWS.len() * 8);
            let (load, ok) = fleet(row, clients, 10.0, 300, |_| p, cx.seed).over(120, 300);
            load_cells.push(Cell::maybe(load, row.known.map(|known| known[2 * column])));
            if p < 1.0 {
                ok_cells.push(Cell::maybe(ok, row.known.map(|known| known[2 * column + 1])));
            }
        }
        loads.row(row.name, load_cells);
        successes.row(row.name, ok_cells);
    }
    let small = small_clients(cx);
    let guarantee = guarantee(cx);
    Report { tables: vec![loads, successes, small, guarantee], charts: vec![chart(cx)] }
}

fn small_clients(cx: &Context) -> Table {
    let clients = cx.size(1000, 100);
    let mut table = Table::new(
        format!("E4  load of small clients: {clients} of 0.1 calls a second, everything fails"),
        &["minute 1", "minute 5"],
    );
    for (number, row) in ROWS.iter().enumerate() {
        cx.progress("e4", 20 + number * 2, ROWS.len() * 8);
        let counts = fleet(row, clients, 0.1, 300, |_| 1.0, cx.seed);
        let cell = |minute: usize| {
            let load = counts.over(60 * minute, 60 * (minute + 1)).0;
            Cell::maybe(load, row.small.map(|known| known[minute / 4]))
        };
        table.row(row.name, vec![cell(0), cell(4)]);
    }
    table
}

/// What the default budget lets through in a total outage, beside the bound that it promises.
fn guarantee(cx: &Context) -> Table {
    let minutes = 20;
    let mut table = Table::new(
        "E4  load by client rate: default budget, 2 retries, a total outage after an hour of health",
        &["minute 1", "at most", "minutes 10 to 20", "at most"],
    );
    let allowance = AdaptiveBudget::allowance(3);
    let minute = Duration::from_secs(60);
    let rates = [1.0 / 3600.0, 0.1, 1.0, 10.0, 100.0, 1000.0];
    for (number, rate) in rates.into_iter().enumerate() {
        cx.progress("e4", 30 + number, ROWS.len() * 8);
        // So many clients that each row sees about as many calls.
        let clients = cx.size(400.0_f64, 20.0) / rate;
        let clients = clients.clamp(1.0, cx.size(40_000.0, 4000.0)).round();
        let (mut first, mut later) = ((0.0, 0.0), (0.0, 0.0));
        for client in 0..clients as u64 {
            let mut budget = Budget::default_for(3);
            if let Budget::Default { ended, .. } = &mut budget {
                *ended = nanos(3600.0 * rate) / SECOND;
            }
            // An even pace; when it begins differs from client to client.
            let mut time = (client as f64 + 0.5) / clients / rate;
            while time < 60.0 * f64::from(minutes) {
                let granted = (0..2).take_while(|_| budget.acquire(nanos(time))).count() as f64;
                budget.end();
                if time < 60.0 {
                    first = (first.0 + 1.0 + granted, first.1 + 1.0);
                } else if time >= 600.0 {
                    later = (later.0 + 1.0 + granted, later.1 + 1.0);
                }
                time += 1.0 / rate;
            }
        }
        let label = match rate {
            rate if rate < 0.01 => "1 call an hour".to_owned(),
            rate => format!("{rate} calls a second"),
        };
        table.row(
            label,
            vec![
                Cell::of(first.0 / first.1),
                Cell::of(allowance.amplification(rate, minute)),
                Cell::of(later.0 / later.1),
                Cell::of(allowance.steady_state_amplification(rate)),
            ],
        );
    }
    table
}

/// Load over time: a minute of health, two of outage, a minute of health.
fn chart(cx: &Context) -> Chart {
    let clients = cx.size(40, 8);
    let fails = |now: f64| if (60.0..180.0).contains(&now) { 1.0 } else { 0.001 };
    let line = |row: usize, name, color| {
        let counts = fleet(&ROWS[row], clients, 10.0, 240, fails, cx.seed);
        let points =
            (0..240).map(|second| (second as f64 + 0.5, counts.over(second, second + 1).0));
        Series::line(name, color, points.collect())
    };
    let panel = Panel::new("", "seconds", "requests for each call")
        .x(0.0, 240.0)
        .y(0.0, 4.5)
        .shade(60.0, 180.0, "the dependency is down")
        .series(vec![
            line(0, "3 retries without a budget", plot::VERMILION),
            line(4, "3 retries with the default budget", plot::BLUE),
        ]);
    Chart::new(
        "e4-outage",
        "A budget keeps retries from multiplying an outage",
        "What a dependency that is down has to bear from 40 clients of 10 calls a second.",
        vec![panel],
    )
}

#[test]
fn the_default_budget_meets_its_targets() {
    let default = &ROWS[4];
    let (load, _) = fleet(default, 10, 10.0, 300, |_| 1.0, 5).over(120, 300);
    assert!(load <= 1.25, "{load}");
    let small = fleet(default, 100, 0.1, 300, |_| 1.0, 5);
    assert!(small.over(240, 300).0 <= 1.5, "{}", small.over(240, 300).0);
    let (_, healed) = fleet(default, 10, 10.0, 300, |_| 0.1, 5).over(120, 300);
    assert!(healed > 99.9, "{healed}");
}
