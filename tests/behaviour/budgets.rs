//! What retries may cost: the default budget over virtual time, and the laws of a bucket.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;
use steadfast::testing::{self, Event, Scope};
use steadfast::{RetryBudget, StopReason, Timestamp, retry};

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
    // Two seconds until the rate is known, ten seconds' worth of tokens, and what comes in
    // meanwhile.
    assert!(first <= 1.5, "{first}");
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
