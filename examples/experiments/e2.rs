//! E2: a thousand clients that failed together. What takes them apart, and what keeps them in step.

use std::time::Duration;

use steadfast::{Jitter, RetryPolicy};

use crate::client::{Delays, endless};
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Queue, Rng, SECOND, nanos, seconds};
use crate::table::{Cell, Table};
use crate::{Context, Report};

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(5);
const BIN: u64 = SECOND / 20;

/// How delays are made.
enum Scheme {
    Own(RetryPolicy),
    /// What other libraries do and this one does not: jitter is added to the delay, and the sum cut
    /// at the cap.
    ClippedAfterJitter,
    /// Decorrelated as it was published: the draw is cut at the cap, not its range.
    ClippedDecorrelated,
}

/// Requests in bins of 50 ms.
fn run(scheme: &Scheme, clients: u32, until: u64, rng: &mut Rng) -> Vec<u32> {
    let (stall, end) = (30 * SECOND, 35 * SECOND);
    let fallback = endless(BASE, CAP, Jitter::None);
    let policy = if let Scheme::Own(policy) = scheme { policy } else { &fallback };
    let mut delays: Vec<Delays> = (0..clients).map(|_| Delays::new(policy)).collect();
    let mut previous = vec![0.1; delays.len()];
    let mut bins = vec![0; usize::try_from(until / BIN).unwrap_or(0) + 1];
    let mut queue = Queue::new();
    for client in 0..delays.len() {
        queue.push(nanos(rng.unit() * 0.01), client);
    }
    while let Some((now, client)) = queue.pop() {
        if now >= until {
            break;
        }
        bins[usize::try_from(now / BIN).unwrap_or(0)] += 1;
        // Everything fails at once, but what meets the stall fails when it ends.
        let failed = if (stall..end).contains(&now) { end } else { now };
        let delay = match scheme {
            Scheme::Own(_) => delays[client].next(rng.u64()),
            Scheme::ClippedAfterJitter => {
                let plain = delays[client].next(0);
                nanos((seconds(plain) * (1.0 + rng.unit())).min(CAP.as_secs_f64()))
            }
            Scheme::ClippedDecorrelated => {
                let base = BASE.as_secs_f64();
                let drawn = base + rng.unit() * (3.0 * previous[client] - base);
                previous[client] = drawn.min(CAP.as_secs_f64());
                nanos(previous[client])
            }
        };
        queue.push(failed + delay, client);
    }
    bins
}

/// Peak over mean of the bins that begin in a span of seconds.
fn peak_over_mean(bins: &[u32], from: f64, to: f64) -> f64 {
    let span = (nanos(from) / BIN) as usize..(nanos(to) / BIN) as usize;
    let bins = &bins[span];
    let sum: u32 = bins.iter().sum();
    f64::from(bins.iter().copied().max().unwrap_or(0)) * bins.len() as f64 / f64::from(sum.max(1))
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let clients = cx.size(1000, 200);
    let rows = [
        ("full jitter", Scheme::Own(endless(BASE, CAP, Jitter::Full)), Some(1.6), None),
        ("equal jitter", Scheme::Own(endless(BASE, CAP, Jitter::Equal)), Some(1.8), None),
        (
            "decorrelated, cap on the range",
            Scheme::Own(endless(BASE, CAP, Jitter::Full).decorrelated()),
            None,
            None,
        ),
        ("decorrelated, cap on the draw *", Scheme::ClippedDecorrelated, Some(5.0), Some(1.8)),
        ("no jitter", Scheme::Own(endless(BASE, CAP, Jitter::None)), Some(100.0), Some(100.0)),
        ("clipped after jittering *", Scheme::ClippedAfterJitter, Some(100.0), Some(100.0)),
    ];
    let mut table = Table::new(
        format!("E2  lockstep at the cap: {clients} clients, peak over mean of 50 ms bins"),
        &["60.5 s to 65.5 s", "85 s to 90 s"],
    );
    let mut shown = Vec::new();
    for (number, (name, scheme, soon, late)) in rows.into_iter().enumerate() {
        cx.progress("e2", number, 6);
        let bins = run(&scheme, clients, 96 * SECOND, &mut Rng::new(cx.seed, 200 + number as u64));
        table.row(
            name,
            vec![
                Cell::maybe(peak_over_mean(&bins, 60.5, 65.5), soon),
                Cell::maybe(peak_over_mean(&bins, 85.0, 90.0), late),
            ],
        );
        if number == 0 || number == 4 {
            shown.push(bins);
        }
    }
    table.note("* as others do it, computed here: this library has no such schedule");
    let points = |bins: &[u32]| -> Vec<(f64, f64)> {
        let bin = |(index, &count): (usize, &u32)| (index as f64 * 0.05, f64::from(count));
        bins.iter()
            .enumerate()
            .map(bin)
            .filter(|(x, y)| (25.0..70.0).contains(x) && *y > 0.0)
            .collect()
    };
    let panel = |title: &str, bins: &[u32], color| {
        Panel::new(title, "seconds", "requests in 50 ms")
            .x(25.0, 70.0)
            .y(0.0, f64::from(clients) * 1.25)
            .shade(30.0, 35.0, "the server stalls")
            .series(vec![Series::bars(title, color, points(bins))])
    };
    let chart = Chart::new(
        "e2-lockstep",
        "Clients that fail together come back together, unless jitter takes them apart",
        "1000 clients retry for ever, base 100 ms, cap 5 s; a stall of 5 s fails all of them at one moment.",
        vec![
            panel("no jitter", &shown[1], plot::VERMILION),
            panel("full jitter", &shown[0], plot::BLUE),
        ],
    )
    .without_legend();
    Report { tables: vec![table], charts: vec![chart] }
}

#[test]
fn without_jitter_the_clients_stay_in_step_for_ever() {
    let peak = |jitter| {
        let scheme = Scheme::Own(endless(BASE, CAP, jitter));
        peak_over_mean(&run(&scheme, 300, 96 * SECOND, &mut Rng::new(3, 1)), 90.0, 95.0)
    };
    assert!(peak(Jitter::None) > 90.0);
    assert!(peak(Jitter::Full) < 3.5);
    assert!(peak(Jitter::Equal) < 4.0);
}
