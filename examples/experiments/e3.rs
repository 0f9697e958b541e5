//! E3: layers of retries on top of each other, through the library's own calls.

use std::cell::{Cell as StdCell, RefCell};
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::{Nested, RetryBudget, RetryPolicy, testing};

use crate::sim::Rng;
use crate::table::{Cell, Table};
use crate::{Context, Report};

const LAYER: RetryPolicy =
    RetryPolicy::new().max_attempts(4).base_delay(Duration::ZERO).log_limit(0);

static SUPPRESSED: RetryPolicy = LAYER.without_budget();
static ALLOWED: RetryPolicy = LAYER.without_budget().nested(Nested::Allow);

/// A tenth of a token for each call, as the rows with a budget have it; one for each layer.
static BUDGETS: [RetryBudget; 3] = [
    RetryBudget::new(0.0, 5).deposit_per_call(0.1),
    RetryBudget::new(0.0, 5).deposit_per_call(0.1),
    RetryBudget::new(0.0, 5).deposit_per_call(0.1),
];
static PAID: [RetryPolicy; 3] = [
    LAYER.nested(Nested::Allow).budget(&BUDGETS[0]),
    LAYER.nested(Nested::Allow).budget(&BUDGETS[1]),
    LAYER.nested(Nested::Allow).budget(&BUDGETS[2]),
];

thread_local! {
    static SENDS: StdCell<u64> = const { StdCell::new(0) };
    static RNG: RefCell<Rng> = RefCell::new(Rng::new(0, 0));
    static FAILS: StdCell<f64> = const { StdCell::new(1.0) };
}

fn innermost() -> io::Result<()> {
    SENDS.set(SENDS.get() + 1);
    let failed = RNG.with_borrow_mut(|rng| rng.chance(FAILS.get()));
    if failed { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
}

/// A call through three layers; each has a line of its own, as it has in a program.
fn layers(policies: [&'static RetryPolicy; 3]) -> io::Result<()> {
    let [outer, middle, inner] = policies;
    outer.call(|_| middle.call(|_| inner.call(|_| innermost())))
}

/// Sends a call.
fn measure(
    policies: [&'static RetryPolicy; 3],
    fails: f64,
    calls: u64,
    warm_up: u64,
    cx: &Context,
) -> f64 {
    let _scope = testing::scope_with_seed(cx.seed);
    RNG.set(Rng::new(cx.seed, 300));
    FAILS.set(fails);
    for call in 0..calls + warm_up {
        if call == warm_up {
            SENDS.set(0);
        }
        // Whether it worked shows in what was sent.
        let _ = layers(policies);
    }
    SENDS.get() as f64 / calls as f64
}

pub(crate) fn experiment(cx: &Context) -> Report {
    let calls: u64 = cx.size(20_000, 2000);
    let mut table = Table::new(
        "E3  three layers of four attempts: sends of the innermost call for each outer call",
        &["sends"],
    );
    let allowed = [&ALLOWED; 3];
    cx.progress("e3", 0, 3);
    table.row(
        "every layer retries, p = 1",
        vec![Cell::known(measure(allowed, 1.0, 100, 0, cx), 64.0)],
    );
    table.row(
        "every layer retries, p = 0.9",
        vec![Cell::known(measure(allowed, 0.9, calls, 0, cx), 9.99)],
    );
    cx.progress("e3", 1, 3);
    let paid = PAID.each_ref();
    table.row(
        "… with a budget of 10 % in each, p = 1",
        vec![Cell::known(measure(paid, 1.0, calls, calls / 4, cx), 1.33)],
    );
    cx.progress("e3", 2, 3);
    table.row(
        "inner layers suppressed, p = 1",
        vec![Cell::known(measure([&SUPPRESSED; 3], 1.0, 100, 0, cx), 10.0)],
    );
    Report { tables: vec![table], charts: Vec::new() }
}

#[test]
fn suppression_makes_a_sum_of_a_product() {
    let cx = Context::quiet(1);
    assert!((measure([&SUPPRESSED; 3], 1.0, 10, 0, &cx) - 10.0).abs() < 1e-9);
    assert!((measure([&ALLOWED; 3], 1.0, 10, 0, &cx) - 64.0).abs() < 1e-9);
}
