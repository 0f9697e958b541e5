//! E7: a service that has lost its caches comes back slowly, and collapses under the full load. How
//! long the breaker's break has to be, worked on paper and run.

use std::time::Duration;

use steadfast::CircuitBreaker;

use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{SECOND, at, nanos};
use crate::table::{Cell, Table};
use crate::{Context, Report};

const LOAD: f64 = 80.0;
const LENGTH: u64 = 200;
const RAMP: f64 = 60.0;

/// Calls a second that the service can serve, so long after its last collapse.
fn capacity(since: f64) -> f64 {
    20.0 + 80.0 * (since / RAMP).min(1.0)
}

/// What lets calls through.
enum Gate {
    Breaker(Box<CircuitBreaker>),
    /// A share that grows linearly from 10 % to 100 % in a minute. No setting of this library.
    Share,
}

struct Run {
    /// Moments of collapse.
    collapses: Vec<f64>,
    /// Calls let through, by half second.
    admitted: Vec<f64>,
}

impl Run {
    /// When it was closed for good: the last collapse and the break after it are over.
    fn healthy_from(&self) -> f64 {
        let full = |&n: &f64| n >= LOAD / 2.0 * 0.95;
        let bad = self.admitted.iter().rposition(|n| !full(n)).map_or(0, |index| index + 1);
        if bad + 40 > self.admitted.len() { f64::INFINITY } else { bad as f64 / 2.0 }
    }
}

fn run(gate: &Gate) -> Run {
    let bins = (LENGTH * 2) as usize;
    let mut result = Run { collapses: vec![0.0], admitted: vec![0.0; bins] };
    let mut last_collapse = 0.0;
    // Down from its collapse until half a second brought less than it can bear.
    let mut down = true;
    let mut admitted: std::collections::VecDeque<f64> = std::collections::VecDeque::new();
    let mut owed = 0.0;
    for call in 0..LENGTH * LOAD as u64 {
        let now = call as f64 / LOAD;
        let moment = nanos(now);
        while admitted.front().is_some_and(|&first| first <= now - 0.5) {
            admitted.pop_front();
        }
        let permit = match gate {
            Gate::Breaker(breaker) => match breaker.try_acquire_at(at(moment), call) {
                Ok(permit) => Some(permit),
                Err(_) => continue,
            },
            Gate::Share => {
                owed += (0.1 + 0.9 * now / RAMP).min(1.0);
                if owed < 1.0 {
                    continue;
                }
                owed -= 1.0;
                None
            }
        };
        admitted.push_back(now);
        result.admitted[(moment / (SECOND / 2)) as usize] += 1.0;
        let offered = admitted.len() as f64 * 2.0;
        let bearable = 1.5 * capacity(now - last_collapse);
        if offered > bearable {
            if !down {
                result.collapses.push(now);
                last_collapse = now;
            }
            down = true;
        } else if offered < 0.5 * bearable || matches!(gate, Gate::Share) {
            down = false;
        }
        if let Some(permit) = permit {
            if down { permit.failure_at(at(moment)) } else { permit.success_at(at(moment)) }
        }
    }
    result
}

/// `probes` of a second or so bring the whole load. A single one succeeds however cold the service is,
/// and the breaker closes; but not for as long as its break lasted, so the next one is longer.
fn breaker(factor: f64, probes: u32) -> Box<CircuitBreaker> {
    let breaker = CircuitBreaker::new("e7")
        .half_open_requests(probes)
        .recovery_timeout(Duration::from_secs(5))
        .recovery_factor(factor)
        .max_recovery_timeout(Duration::from_secs(300))
        .recovery_jitter(0.0);
    Box::new(breaker)
}

pub(crate) fn experiment(cx: &Context) -> Report {
    cx.progress("e7", 0, 1);
    let mut table = Table::new(
        "E7  cold recovery: capacity grows from 20 to 100 calls a second in a minute, 80 are offered",
        &["closed for good after s", "collapses"],
    );
    let fixed = run(&Gate::Breaker(breaker(1.0, 60)));
    let doubled = run(&Gate::Breaker(breaker(2.0, 60)));
    let single = run(&Gate::Breaker(breaker(2.0, 1)));
    let share = run(&Gate::Share);
    let never = |run: &Run| {
        let after = run.healthy_from();
        if after.is_finite() { Cell::of(after) } else { Cell::words("never", Some("never")) }
    };
    let collapses = |run: &Run| Cell::of(run.collapses.len() as f64);
    table.row("a break of 5 s, 60 probes", vec![never(&fixed), collapses(&fixed)]);
    table.row(
        "breaks of 5, 10, 20, 40 s, 60 probes",
        vec![Cell::known(doubled.healthy_from(), 75.0), collapses(&doubled)],
    );
    table.row(
        "breaks that double, 1 probe",
        vec![Cell::known(single.healthy_from(), 75.0), collapses(&single)],
    );
    table.row(
        "a share from 10 % to 100 % in 60 s *",
        vec![
            Cell::known(share.healthy_from(), 60.0),
            Cell::known(share.collapses.len() as f64, 1.0),
        ],
    );
    table.note("* on paper it never opens again; computed here, the breaker has no such setting");
    let panel = |title: &str, color, run: &Run| {
        let load = run.admitted.iter().enumerate();
        let load = load.map(|(bin, &calls)| (bin as f64 / 2.0 + 0.25, calls * 2.0));
        let room = (0..LENGTH * 2).map(|bin| {
            let now = bin as f64 / 2.0;
            let last = run.collapses.iter().rev().find(|&&moment| moment <= now);
            (now, capacity(now - last.unwrap_or(&0.0)))
        });
        Panel::new(title, "seconds after the collapse", "calls a second")
            .x(0.0, 120.0)
            .y(0.0, 110.0)
            .series(vec![
                Series::line(
                    "calls let through",
                    color,
                    load.filter(|(x, _)| *x < 120.0).collect(),
                ),
                Series::line(
                    "what the service can bear",
                    plot::GREEN,
                    room.filter(|(x, _)| *x <= 120.0).collect(),
                ),
            ])
    };
    let chart = Chart::new(
        "e7-cold-recovery",
        "A break that does not grow never lets a cold service warm up",
        "80 calls a second are offered; at more than 1.5 times its capacity the service collapses again.",
        vec![
            panel("a break of 5 s, again and again", plot::BLUE, &fixed),
            panel("breaks of 5, 10, 20 and 40 s", plot::BLUE, &doubled),
        ],
    );
    Report { tables: vec![table], charts: vec![chart] }
}

#[test]
fn only_a_growing_break_outlasts_a_slow_recovery() {
    assert!(run(&Gate::Breaker(breaker(1.0, 60))).healthy_from().is_infinite());
    for probes in [60, 1] {
        let doubled = run(&Gate::Breaker(breaker(2.0, probes))).healthy_from();
        assert!((doubled - 75.0).abs() < 5.0, "{doubled} with {probes}");
    }
}
