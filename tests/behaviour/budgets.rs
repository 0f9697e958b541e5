//! What retries may cost: the default budget over virtual time, and the laws of a bucket.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use steadfast::budget::AdaptiveBudget;
use steadfast::testing::{self, Event, Scope};
use steadfast::{KeyedBudget, RetryBudget, StopReason, Timestamp, retry};

thread_local! {
    static UP: Cell<bool> = const { Cell::new(true) };
    static SENDS: Cell<u64> = const { Cell::new(0) };
}

/// A dependency that is up or down; the delays of its callers take no time.
#[retry(max_attempts = 3, base_delay = Duration::ZERO)]
fn dependency() -> io::Result<()> {
    SENDS.set(SENDS.get() + 1);
    if UP.get() { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
}

/// Calls at an even rate for some time; sends, and calls that failed.
fn load(scope: &Scope, calls_per_second: u64, seconds: u64) -> (u64, u64) {
    let (before, mut failed) = (SENDS.get(), 0);
    for _ in 0..calls_per_second * seconds {
        failed += u64::from(dependency().is_err());
        scope.advance(Duration::from_nanos(1_000_000_000 / calls_per_second));
    }
    (SENDS.get() - before, failed)
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn amplification(sends: u64, calls: u64) -> f64 {
    sends as f64 / calls as f64
}

#[test]
fn a_client_of_one_call_an_hour_keeps_its_retries() {
    let scope = testing::scope();
    UP.set(false);
    for hour in 0..48 {
        SENDS.set(0);
        dependency().unwrap_err();
        assert_eq!(SENDS.get(), 3, "hour {hour}");
        scope.advance(Duration::from_secs(3600));
    }
}

#[test]
fn a_total_outage_costs_a_fifth_more_than_the_load() {
    // With and without a long healthy time before.
    for healthy in [0, 1, 60, 7200] {
        let scope = testing::scope();
        UP.set(true);
        load(&scope, 10, healthy);
        UP.set(false);
        let (sends, failed) = load(&scope, 10, 180);
        assert_eq!(failed, 1800);
        let load = amplification(sends, 1800);
        assert!((1.15..=1.25).contains(&load), "{load} after {healthy} s");
    }
}

/// Symptom: after hours of health the first ten seconds of an outage were retried without limit.
#[test]
fn an_outage_of_a_busy_service_is_limited_from_its_first_seconds() {
    let scope = testing::scope();
    UP.set(true);
    load(&scope, 200, 1000);
    UP.set(false);
    let (sends, _) = load(&scope, 200, 20);
    let first = amplification(sends, 4000);
    // Ten seconds' worth of tokens, and what comes in meanwhile: 1 + 0.1 + 0.2.
    assert!((1.25..=1.32).contains(&first), "{first}");
    let (sends, _) = load(&scope, 200, 60);
    let later = amplification(sends, 12_000);
    assert!((1.15..=1.22).contains(&later), "{later}");
}

/// On tokio's paused clock, since a thousand calls a second overlap.
#[tokio::test(start_paused = true)]
async fn a_blip_of_a_busy_service_heals() {
    #[retry(base_delay = "150ms", jitter = "none", log_limit = 1)]
    async fn call() -> io::Result<()> {
        if UP.get() { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
    }
    for round in 0..3 {
        let mut failed = 0;
        UP.set(true);
        for _ in 0..1000 * 30 {
            call().await.unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let mut tasks = Vec::new();
                for millisecond in 0..1000 {
                    UP.set(millisecond >= 200);
                    tasks.push(tokio::task::spawn_local(call()));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                for task in tasks {
                    failed += u32::from(task.await.unwrap().is_err());
                }
            })
            .await;
        assert_eq!(failed, 0, "blip {round}");
    }
}

#[test]
fn a_budget_that_is_used_up_recovers() {
    let scope = testing::scope();
    UP.set(false);
    load(&scope, 10, 60);
    UP.set(true);
    load(&scope, 10, 30);
    UP.set(false);
    let (sends, _) = load(&scope, 10, 1);
    assert!(sends >= 25, "{sends}: the bucket has filled again");
}

#[test]
fn scopes_do_not_meet_in_a_shared_budget() {
    static SHARED: RetryBudget = RetryBudget::new(0.0, 2);
    #[retry(budget = SHARED, max_attempts = 9)]
    fn call() -> io::Result<()> {
        Err(ErrorKind::TimedOut.into())
    }
    for _ in 0..3 {
        let scope = testing::scope();
        call().unwrap_err();
        let Some(Event::Ended { attempts, reason, .. }) = scope.events().pop() else { panic!() };
        assert_eq!((attempts, reason), (3, StopReason::Budget));
    }
    assert_eq!(SHARED.tokens(), 2);
}

#[test]
fn tokens_are_conserved_across_threads() {
    let budget = RetryBudget::new(0.0, 1000).deposit_per_call(0.25);
    let granted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    granted.fetch_add(u64::from(budget.acquire_at(Timestamp::ZERO)), Relaxed);
                    budget.deposit(1);
                    assert!(budget.tokens() <= budget.max_tokens());
                }
            });
        }
    });
    // Deposits above the capacity are lost, so that less may come out, never more.
    let (granted, left) = (granted.load(Relaxed), budget.tokens());
    assert!((1000..=1000 + 2000).contains(&(granted + left)), "{granted} and {left}");
}

#[test]
fn refill_is_credited_once_however_many_threads_ask() {
    let budget = RetryBudget::new(10.0, 100_000);
    while budget.acquire_at(Timestamp::ZERO) {}
    let granted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for second in 0..=1000 {
                    let now = Timestamp::ZERO.saturating_add(Duration::from_secs(second));
                    while budget.acquire_at(now) {
                        granted.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(granted.load(Relaxed) + budget.tokens(), 10_000);
}

#[test]
fn keys_stay_bounded_under_many_threads() {
    let budget = KeyedBudget::new(0.0, 3);
    let granted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let (budget, granted) = (&budget, &granted);
            scope.spawn(move || {
                for n in 0..1000 {
                    // Every key is asked by all threads, in another order by each.
                    let key = format!("tenant {}", (n * (2 * thread + 1)) % 1000);
                    granted
                        .fetch_add(u64::from(budget.acquire_at(&key, Timestamp::ZERO, 0)), Relaxed);
                }
            });
        }
    });
    // Three of the eight requests for each key.
    assert_eq!((granted.load(Relaxed), budget.keys()), (3000, 1000));
}

#[test]
fn a_key_that_fails_takes_no_retries_from_the_others() {
    #[retry(max_attempts = 3, base_delay = Duration::ZERO, budget(key = "{tenant}", ratio = 0.2, max_tokens = 4))]
    fn call(tenant: &str) -> io::Result<()> {
        SENDS.set(SENDS.get() + 1);
        if tenant == "down" {
            Err(ErrorKind::TimedOut.into())
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }
    #[retry(max_attempts = 3, base_delay = Duration::ZERO, budget(key = "{tenant}", ratio = 0.2, max_tokens = 4))]
    fn other(tenant: &str) -> io::Result<()> {
        SENDS.set(SENDS.get() + 1);
        let _ = tenant;
        Err(ErrorKind::TimedOut.into())
    }
    let scope = testing::scope();
    for tenant in ["a", "b", "c"] {
        SENDS.set(0);
        for _ in 0..100 {
            other(tenant).unwrap_err();
        }
        // Four tokens at first, and a fifth of what the calls pay in.
        assert!((116..=124).contains(&SENDS.get()), "{tenant}: {}", SENDS.get());
    }
    SENDS.set(0);
    call("up").unwrap_err();
    assert_eq!(SENDS.get(), 1);
    call("down").unwrap_err();
    assert_eq!(SENDS.get(), 4);
    drop(scope);
}

/// A bucket in exact arithmetic: billionths of tokens in units of `2^-40`, rates in units of `2^-20`
/// tokens a second, and nothing is ever rounded.
struct Exact {
    level: u128,
    capacity: u128,
    rate: u128,
    since: u128,
}

impl Exact {
    const TOKEN: u128 = 1_000_000_000 << 40;

    fn new(rate: u64, capacity: u32) -> Self {
        let capacity = u128::from(capacity) * Self::TOKEN;
        Self { level: capacity, capacity, rate: u128::from(rate), since: 0 }
    }

    fn add(&mut self, amount: u128) {
        self.level = (self.level + amount).min(self.capacity);
    }

    fn pass(&mut self, now: u64) {
        let now = u128::from(now).max(self.since);
        // A billionth a nanosecond is a token a second.
        self.add((now - self.since) * self.rate << 20);
        self.since = now;
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Deposit(u64),
    Forward(u64),
    Back(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Acquire),
        1 => (0..50_u64).prop_map(Step::Deposit),
        2 => (0..5_000_000_000_u64).prop_map(Step::Forward),
        1 => (0..60_000_000_000_u64).prop_map(Step::Back),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn retries_never_exceed_what_flowed_in(
        steps in steps(),
        rate in 0.0..50.0_f64,
        capacity in 1..40_u32,
        ratio in 0.0..2.0_f64,
    ) {
        let budget = RetryBudget::new(rate, capacity).deposit_per_call(ratio);
        let start = 100_000_000_000_u64;
        let (mut now, mut latest, mut calls, mut granted) = (start, start, 0_u64, 0_u32);
        // Refill since the start of the clock finds the bucket full.
        prop_assert!(budget.acquire_at(Timestamp::from_nanos(start)));
        granted += 1;
        for step in steps {
            match step {
                Step::Acquire => granted += u32::from(budget.acquire_at(Timestamp::from_nanos(now))),
                Step::Deposit(n) => { calls += n; budget.deposit(n); }
                Step::Forward(by) => now += by,
                Step::Back(by) => now = now.saturating_sub(by),
            }
            latest = latest.max(now);
            prop_assert!(budget.tokens() <= u64::from(capacity));
            #[allow(clippy::cast_precision_loss)]
            let most = f64::from(capacity) + calls as f64 * ratio + (latest - start) as f64 / 1e9 * rate;
            prop_assert!(f64::from(granted) <= most + 1e-3, "{granted} of {most}");
        }
    }

    /// Rates from a token in twelve days to a million a second, pauses from a nanosecond to a year.
    #[test]
    fn every_answer_is_that_of_exact_arithmetic(
        rate in (0..40_u32, 1..=2_u64).prop_map(|(power, factor)| factor << power),
        capacity in (0..30_u32).prop_map(|power| 1 << power),
        steps in prop::collection::vec((0..55_u32, 0..100_u64, 1..4_u32), 1..120),
    ) {
        let budget = RetryBudget::new(rate as f64 / (1 << 20) as f64, capacity);
        let mut exact = Exact::new(rate, capacity);
        let mut now = 3_600_000_000_000_u64;
        for (power, percent, asks) in steps {
            now += (1_u64 << power) * (percent + 1) / 100;
            exact.pass(now);
            for _ in 0..asks {
                let granted = budget.acquire_at(Timestamp::from_nanos(now));
                // Within a millionth of a token of the edge both answers are right.
                let slack = Exact::TOKEN / 1_000_000;
                if exact.level >= Exact::TOKEN + slack {
                    prop_assert!(granted, "refused with {} tokens", exact.level as f64 / Exact::TOKEN as f64);
                } else if exact.level + slack < Exact::TOKEN {
                    prop_assert!(!granted, "granted with {} tokens", exact.level as f64 / Exact::TOKEN as f64);
                }
                if granted {
                    exact.level = exact.level.saturating_sub(Exact::TOKEN);
                }
            }
        }
    }

    #[test]
    fn the_default_budget_never_gives_more_than_its_calls_paid(
        history in 0..100_000_u64,
        floor in 1..5_u32,
        steps in prop::collection::vec((0..34_u32, 0..40_u64, 1..60_u32), 1..120),
    ) {
        let budget = AdaptiveBudget::new();
        let start = 3_600_000_000_000_u64;
        let (mut now, mut calls, mut granted) = (start, history, 0_u32);
        for (power, more, asks) in steps {
            now += 1_u64 << power;
            calls += more + 1;
            for _ in 0..asks {
                granted += u32::from(budget.acquire_at(Timestamp::from_nanos(now), calls, floor));
            }
        }
        let most = f64::from(floor) + calls as f64 * 0.2 + (now - start) as f64 / 1e9 / 120.0;
        prop_assert!(f64::from(granted) <= most + 1e-6, "{granted} of {most}");
    }

    #[test]
    fn a_clock_that_jumps_back_changes_nothing(
        moments in prop::collection::vec((0..600_u64, prop::option::of(0..600_u64)), 1..100),
        rate in 0.1..10.0_f64,
    ) {
        let (steady, jumpy) = (RetryBudget::new(rate, 5), RetryBudget::new(rate, 5));
        let mut now = 600;
        for (forward, back) in moments {
            now += forward;
            let at = Timestamp::from_nanos(now * 1_000_000_000);
            let ask = steady.acquire_at(at);
            prop_assert_eq!(jumpy.acquire_at(at), ask);
            // A question from the past is answered from what is there; both get it, one of them
            // at the right time.
            if let Some(back) = back {
                let past = Timestamp::from_nanos((now - back) * 1_000_000_000);
                prop_assert_eq!(jumpy.acquire_at(past), steady.acquire_at(at));
            }
            prop_assert_eq!(jumpy.tokens(), steady.tokens());
        }
    }
}
