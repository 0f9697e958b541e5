//! E5: clients that throttle themselves, as Google's SRE book describes it. This library has no such
//! throttle; the formula is computed here, beside what a budget does and does not do about overload.

use std::collections::VecDeque;

use crate::client::{Budget, Delays, at_once};
use crate::plot::{self, Chart, Panel, Series};
use crate::sim::{Rng, SECOND, nanos};
use crate::table::{Cell, Table};
use crate::{Context, Report};

const CAPACITY: f64 = 100.0;

type MakeBudget = fn() -> Budget;

/// The last two minutes, by second.
#[derive(Default)]
struct Window {
    seconds: VecDeque<(u64, f64, f64)>,
    requests: f64,
    accepts: f64,
}

impl Window {
    fn count(&mut self, second: u64, requests: f64, accepts: f64) {
        self.requests += requests;
        self.accepts += accepts;
        match self.seconds.back_mut() {
            Some((last, r, a)) if *last == second => {
                *r += requests;
                *a += accepts;
            }
            _ => self.seconds.push_back((second, requests, accepts)),
        }
        while let Some(&(first, r, a)) = self.seconds.front()
            && first + 120 <= second
        {
            self.seconds.pop_front();
            self.requests -= r;
            self.accepts -= a;
        }
    }

    /// The probability with which the next request is rejected before it is sent.
    fn rejects(&self, k: f64) -> f64 {
        ((self.requests - k * self.accepts) / (self.requests + 1.0)).max(0.0)
    }
}

/// A backend that accepts `CAPACITY` a second and rejects the rest.
#[derive(Default)]
struct Backend {
    second: u64,
    accepted: f64,
}

impl Backend {
    fn accepts(&mut self, now: u64) -> bool {
        // Tenths of a second, so that it does not work for the first part of each second only.
        let tenth = now / (SECOND / 10);
        if tenth != self.second {
            self.second = tenth;
            self.accepted = (self.accepted - CAPACITY / 10.0).min(0.0);
        }
        if self.accepted + 1.0 > CAPACITY / 10.0 {
            return false;
        }
        self.accepted += 1.0;
        true
    }
}

/// Load on the backend in multiples of its capacity, and the share rejected locally.
fn throttled(k: f64, counts_local: bool, offered: f64, length: u64, rng: &mut Rng) -> (f64, f64) {
    let (mut window, mut backend) = (Window::default(), Backend::default());
    let (mut sends, mut local, mut calls) = (0.0, 0.0, 0.0);
    let mut now = 0;
    while now < length * SECOND {
        now += nanos(rng.exponential(1.0 / (offered * CAPACITY)));
        let second = now / SECOND;
        let measured = f64::from(u8::from(now >= length / 2 * SECOND));
        calls += measured;
        if rng.chance(window.rejects(k)) {
            local += measured;
            window.count(second, if counts_local { 1.0 } else { 0.0 }, 0.0);
        } else {
            sends += measured;
            let accepted = f64::from(u8::from(backend.accepts(now)));
            window.count(second, 1.0, accepted);
        }
    }
    (sends / (length as f64 / 2.0) / CAPACITY, local / calls)
}

/// The same clients with two retries at once and no throttle.
fn retried(budget: &mut Budget, offered: f64, length: u64, rng: &mut Rng) -> f64 {
    let policy = at_once(3);
    let mut backend = Backend::default();
    let mut sends = 0.0;
    let mut now = 0;
    while now < length * SECOND {
        now += nanos(rng.exponential(1.0 / (offered * CAPACITY)));
        budget.begin();
        let mut delays = Delays::new(&policy);
        loop {
            sends += f64::from(u8::from(now >= length / 2 * SECOND));
            if backend.accepts(now) || !delays.left() || !budget.acquire(now) {
                break;
            }
            delays.next(0);
        }
        budget.end();
    }
    sends / (length as f64 / 2.0) / CAPACITY
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let length = cx.size(1200, 600);
    let mut table = Table::new(
        "E5  throttling at the client: 5 times the capacity C is offered",
        &["backend load / C", "rejected locally"],
    );
    let rows = [
        ("K = 2", 2.0, true, 2.0, Some(0.60)),
        ("K = 1.1", 1.1, true, 1.10, Some(0.78)),
        ("K = 1.1, local rejects not counted", 1.1, false, 2.35, None),
    ];
    for (number, (name, k, counted, load, rejected)) in rows.into_iter().enumerate() {
        cx.progress("e5", number, 12);
        let mut rng = Rng::new(cx.seed, 500 + number as u64);
        let (measured, local) = throttled(k, counted, 5.0, length, &mut rng);
        table.row(name, vec![Cell::known(measured, load), Cell::maybe(local, rejected)]);
    }
    let budgets: [(&str, MakeBudget); 2] = [
        ("2 retries, no budget, no throttle", || Budget::Unlimited),
        ("2 retries, the default budget, no throttle", || Budget::default_for(3)),
    ];
    for (number, (name, budget)) in budgets.into_iter().enumerate() {
        cx.progress("e5", 3 + number, 12);
        let load = retried(&mut budget(), 5.0, length, &mut Rng::new(cx.seed, 510));
        table.row(name, vec![Cell::of(load), Cell::Empty]);
    }
    table.note(
        "A budget limits retries, never first attempts: against these stands the circuit breaker.",
    );
    let offered = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0];
    let line = |name: &str, color, load: &dyn Fn(f64) -> f64| {
        Series::line(name, color, offered.iter().map(|&x| (x, load(x))).collect()).marked()
    };
    cx.progress("e5", 6, 12);
    let rng = || Rng::new(cx.seed, 520);
    let series = vec![
        line("2 retries, no budget", plot::VERMILION, &|x| {
            retried(&mut Budget::Unlimited, x, length / 2, &mut rng())
        }),
        line("2 retries, default budget", plot::BLUE, &|x| {
            retried(&mut Budget::default_for(3), x, length / 2, &mut rng())
        }),
        line("throttle, K = 2", plot::GREEN, &|x| {
            throttled(2.0, true, x, length / 2, &mut rng()).0
        }),
        line("throttle, K = 1.1", plot::ORANGE, &|x| {
            throttled(1.1, true, x, length / 2, &mut rng()).0
        }),
    ];
    let panel = Panel::new(
        "",
        "calls offered, in multiples of the capacity",
        "requests at the backend / capacity",
    )
    .x(0.5, 5.0)
    .y(0.0, 14.0)
    .series(series);
    let chart = Chart::new(
        "e5-overload",
        "Overload: a budget takes the retries away, a throttle or a breaker the calls",
        "A backend that accepts its capacity and rejects the rest.",
        vec![panel],
    );
    Report { tables: vec![table], charts: vec![chart] }
}

#[test]
fn the_throttle_sends_k_times_the_capacity() {
    let (load, local) = throttled(2.0, true, 5.0, 600, &mut Rng::new(1, 1));
    assert!((load - 2.0).abs() < 0.3 && (local - 0.6).abs() < 0.1, "{load} {local}");
    let (load, _) = throttled(1.1, true, 0.5, 300, &mut Rng::new(1, 2));
    assert!((load - 0.5).abs() < 0.05, "{load}: below the capacity nothing is rejected");
}
