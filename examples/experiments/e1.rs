//! E1: many clients write one versioned row. Jitter decides how much of their work is wasted.

use std::time::Duration;

use steadfast::{Jitter, RetryPolicy};

use crate::client::{Delays, at_once, endless};
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Queue, Rng, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

const BASE: Duration = Duration::from_millis(5);
/// The published schedule waits `base * 2^n` after conflict n, the first of which is 1.
const FIRST: Duration = Duration::from_millis(10);
const CAP: Duration = Duration::from_secs(2);

const SIZES: [usize; 4] = [10, 50, 100, 190];

/// Milliseconds until everybody is through, and writes, for each size.
type Known = [(f64, f64); 4];

fn schemes() -> [(&'static str, RetryPolicy, Known); 5] {
    [
        (
            "no backoff",
            at_once(u32::MAX),
            [(382., 51.), (1147., 689.), (2017., 2420.), (3540., 8011.)],
        ),
        (
            "exponential, no jitter",
            endless(FIRST, CAP, Jitter::None),
            [(3409., 50.), (37055., 628.), (63472., 1864.), (101_294., 5157.)],
        ),
        (
            "equal jitter",
            endless(FIRST, CAP, Jitter::Equal),
            [(711., 42.), (4312., 347.), (6557., 812.), (9447., 1759.)],
        ),
        (
            "full jitter",
            endless(FIRST, CAP, Jitter::Full),
            [(459., 39.), (2896., 332.), (4916., 796.), (7459., 1770.)],
        ),
        (
            "decorrelated",
            endless(BASE, CAP, Jitter::Full).decorrelated(),
            [(450., 38.), (2178., 374.), (4477., 1002.), (8056., 2422.)],
        ),
    ]
}

enum Event {
    ReadArrives(usize),
    WriteArrives(usize, u64),
    Answer(usize, bool),
}

/// One run: seconds until the last client is through, and the writes sent.
fn run(policy: &RetryPolicy, clients: usize, rng: &mut Rng) -> (f64, u64) {
    let mut queue = Queue::new();
    let mut delays: Vec<Delays> = (0..clients).map(|_| Delays::new(policy)).collect();
    let (mut version, mut writes, mut last) = (0_u64, 0, 0);
    let leg = |rng: &mut Rng| nanos(rng.half_normal(10.0, 2.0) / 1000.0);
    for client in 0..clients {
        queue.push(leg(rng), Event::ReadArrives(client));
    }
    while let Some((now, event)) = queue.pop() {
        match event {
            Event::ReadArrives(client) => {
                // The answer travels back, the write travels out.
                writes += 1;
                let arrives = now + leg(rng) + leg(rng);
                queue.push(arrives, Event::WriteArrives(client, version));
            }
            Event::WriteArrives(client, read) => {
                let ok = read == version;
                version += u64::from(ok);
                queue.push(now + leg(rng), Event::Answer(client, ok));
            }
            Event::Answer(_, true) => last = now,
            Event::Answer(client, false) => {
                let delay = delays[client].next(rng.u64());
                queue.push(now + delay + leg(rng), Event::ReadArrives(client));
            }
        }
    }
    (seconds(last), writes)
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let trials: u32 = cx.size(100, 5);
    let columns = ["N = 10", "N = 50", "N = 100", "N = 190"];
    let title = |what| {
        format!("E1  contention on one row, N clients, base 5 ms, cap 2 s, {trials} trials: {what}")
    };
    let mut times = Table::new(title("ms until all are through"), &columns);
    let mut sent = Table::new(title("writes sent"), &columns);
    let mut series = Vec::new();
    for (number, (name, policy, known)) in schemes().into_iter().enumerate() {
        let (mut time_cells, mut sent_cells) = (Vec::new(), Vec::new());
        let mut points = Vec::new();
        for (size, clients) in SIZES.into_iter().enumerate() {
            cx.progress("e1", number * SIZES.len() + size, 5 * SIZES.len());
            let (mut time, mut writes) = (0.0, 0.0);
            for trial in 0..trials {
                let stream = ((number * 1000 + clients) as u64) << 32 | u64::from(trial);
                let (t, w) = run(&policy, clients, &mut Rng::new(cx.seed, stream));
                time += t * 1000.0 / f64::from(trials);
                writes += w as f64 / f64::from(trials);
            }
            time_cells.push(Cell::known(time, known[size].0));
            sent_cells.push(Cell::known(writes, known[size].1));
            points.push((clients as f64, time / 1000.0));
        }
        times.row(name, time_cells);
        sent.row(name, sent_cells);
        series.push(Series::line(name, plot::COLORS[number], points).marked());
    }
    times.note("The known decorrelated schedule cuts the draw at the cap; this one cuts its range, and is sooner.");
    let panel = Panel::new("", "clients that write the same row", "seconds until all are through")
        .x(0.0, 200.0)
        .log_y(0.1, 200.0)
        .series(series);
    let chart = Chart::new(
        "e1-contention",
        "Backoff without jitter keeps rivals in step",
        "Optimistic writes to one row, base 5 ms, cap 2 s. Lower is better.",
        vec![panel],
    );
    Report { tables: vec![times, sent], charts: vec![chart] }
}

#[test]
fn jitter_finishes_sooner_with_less_work() {
    let mut results = schemes().map(|(_, policy, _)| run(&policy, 50, &mut Rng::new(7, 1)));
    let [none, exponential, equal, full, decorrelated] = &mut results;
    assert!(full.0 < equal.0 && equal.0 < exponential.0);
    assert!(decorrelated.0 < exponential.0);
    assert!(full.1 < none.1);
}
