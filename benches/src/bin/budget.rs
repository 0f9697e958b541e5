//! A budget asked so many times: `budget WAY CALLS`. `../budget` counts the instructions.

use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use steadfast::{RetryBudget, RetryPolicy, Timestamp, budget::AdaptiveBudget};
use steadfast_benches::two_threads;
use tower::retry::budget::{Budget as _, TpsBudget};

static ONE: AtomicU64 = AtomicU64::new(0);
static OTHER: AtomicU64 = AtomicU64::new(0);

/// Full, and it stays so.
static FULL: RetryBudget = RetryBudget::new(0.0, 100).deposit_per_call(0.2);
/// Holds all deposits of a run on one thread, once a part was taken.
static FILLING: RetryBudget = RetryBudget::new(0.0, 10_000).deposit_per_call(0.001);
/// A token for every step of the clock, and enough for two threads that share a clock.
static FLOWING: RetryBudget = RetryBudget::new(1e6, 1_000_000_000);
/// A token in more than a quarter of an hour.
static EMPTY: RetryBudget = RetryBudget::new(0.001, 1);
static ADAPTIVE: AdaptiveBudget = AdaptiveBudget::new();
static REFUSING: AdaptiveBudget = AdaptiveBudget::new();
static POLICY: RetryPolicy = RetryPolicy::new().base_delay(Duration::from_millis(100));
static TOWER: LazyLock<TpsBudget> =
    LazyLock::new(|| TpsBudget::new(Duration::from_secs(10), 10, 0.2));

/// A clock that went on by a microsecond.
fn later(call: u64) -> Timestamp {
    Timestamp::from_nanos(1000 * (call + 1))
}

fn exchange(word: &AtomicU64) -> bool {
    let old = word.load(Relaxed);
    word.compare_exchange(old, old.wrapping_add(1), Relaxed, Relaxed).is_ok()
}

macro_rules! function {
    ($name:ident($call:ident) $body:expr) => {
        #[inline(never)]
        fn $name($call: u64) -> bool {
            $body
        }
    };
}

function!(nothing(call) black_box(call) == 0);
function!(one_load(_call) ONE.load(Relaxed) == 0);
function!(one_exchange(_call) exchange(&ONE));
function!(two_exchanges(_call) exchange(&ONE) && exchange(&OTHER));
function!(deposit(_call) { FILLING.deposit(1); true });
function!(deposit_full(_call) { FULL.deposit(1); true });
function!(granted(call) FLOWING.acquire_at(later(call)));
function!(refused(_call) EMPTY.acquire_at(Timestamp::from_nanos(1)));
function!(refused_clock(_call) EMPTY.acquire());
function!(adaptive_granted(call) ADAPTIVE.acquire_at(later(call), 10 * call, 1_000_000));
function!(adaptive_refused(_call) REFUSING.acquire_at(Timestamp::from_nanos(1), 1, 2));
function!(next_delay(_call) POLICY.next_delay(1, Duration::ZERO).is_zero());
function!(tower_deposit(_call) { TOWER.deposit(); true });
function!(tower_withdraw(_call) TOWER.withdraw());

fn way(name: &str) -> fn(u64) -> bool {
    match name {
        "nothing" => nothing,
        "one_load" => one_load,
        "one_exchange" => one_exchange,
        "two_exchanges" => two_exchanges,
        "deposit" => deposit,
        "deposit_full" => deposit_full,
        "granted" => granted,
        "refused" => refused,
        "refused_clock" => refused_clock,
        "adaptive_granted" => adaptive_granted,
        "adaptive_refused" => adaptive_refused,
        "next_delay" => next_delay,
        "tower_deposit" => tower_deposit,
        "tower_refused" | "tower_granted" => tower_withdraw,
        other => panic!("no way {other}"),
    }
}

/// Brings the budgets into the state that a way is named for.
fn prepare(name: &str) {
    match name {
        "deposit" => assert!((0..10_000).all(|_| FILLING.acquire_at(Timestamp::ZERO))),
        "tower_refused" => while TOWER.withdraw() {},
        "tower_granted" => (0..1_000_000).for_each(|_| TOWER.deposit()),
        _ => {}
    }
    while EMPTY.acquire_at(Timestamp::from_nanos(1)) {}
    while REFUSING.acquire_at(Timestamp::from_nanos(1), 1, 2) {}
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().expect("which way");
    let calls: u64 = arguments.next().expect("how many calls").parse().expect("a number");
    let (threads, name) = match name.strip_prefix("threads_") {
        Some(name) => (true, name),
        None => (false, name.as_str()),
    };
    prepare(name);
    let way = black_box(way(name));
    let run = |calls| (0..calls).for_each(|call| _ = black_box(way(call)));
    if threads { println!("{}", two_threads(calls, run)) } else { run(calls) }
}
