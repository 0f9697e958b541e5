use super::bucket::Flow;
use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(SECOND + nanos)
}

/// Retries granted to `calls` calls at `rate` a second that all fail and would retry twice. So many
/// calls were made `before`.
fn outage(budget: &AdaptiveBudget, from: u64, before: u64, calls: u64, rate: u64) -> u64 {
    let mut granted = 0;
    for call in 1..=calls {
        let now = at(from + call * SECOND / rate);
        for _ in 0..2 {
            granted += u64::from(budget.acquire_at(now, before + call, 2));
        }
    }
    granted
}

#[test]
fn a_total_outage_costs_a_fifth_more_than_the_normal_load() {
    // The floor of two tokens, a fifth of the calls, and one token in two minutes; what the first call
    // earns does not fit into the full bucket.
    assert_eq!(outage(&AdaptiveBudget::new(), 0, 0, 50, 10), 11);
    assert!((1204..=1210).contains(&outage(&AdaptiveBudget::new(), 0, 0, 6000, 10)));
}

/// Symptom: a service of 200 calls a second sent 1.48 times its load in the first 20 s of the first
/// outage of its process, since for two seconds nothing was known of its rate.
#[test]
fn the_first_outage_of_a_process_costs_what_a_later_one_does() {
    for rate in [1, 10, 50, 200, 1000] {
        let budget = AdaptiveBudget::new();
        let granted = outage(&budget, 0, 10_000_000, 20 * rate, rate);
        let load = 1.0 + granted as f64 / (20 * rate) as f64;
        // Two tenths of ten seconds at once, and two tenths of what comes in: 1.3.
        assert!((1.2..=1.32).contains(&load), "{load} at {rate} calls a second");
    }
}

#[test]
fn slow_clients_with_a_history_get_no_more_than_the_floor() {
    let budget = AdaptiveBudget::new();
    let granted: u64 =
        (0..6).map(|call| outage(&budget, call * 10 * SECOND, 1_000_000 + call, 1, 1)).sum();
    // Two at first, then a quarter of a token for each call: a fifth, and what ten seconds bring.
    assert!((3..=4).contains(&granted), "{granted}");
}

#[test]
fn a_client_of_one_call_an_hour_keeps_all_its_retries() {
    let budget = AdaptiveBudget::new();
    for hour in 0..100 {
        for _ in 0..2 {
            assert!(budget.acquire_at(at(hour * 3600 * SECOND), hour + 1, 2), "hour {hour}");
        }
    }
}

#[test]
fn idle_years_bring_no_more_than_a_full_bucket() {
    let budget = AdaptiveBudget::new();
    let year = 365 * 24 * 3600 * SECOND;
    for years in [0, 1, 17, 30, 34, 35, 500] {
        let granted = (0..10).filter(|_| budget.acquire_at(at(years * year), 7, 2)).count();
        assert_eq!(granted, 2, "after {years} years");
    }
}

#[test]
fn a_blip_on_a_busy_service_is_healed() {
    for attempts in [2, 3, 5] {
        let budget = AdaptiveBudget::new();
        for hour in 1..4 {
            // An hour of 1000 calls a second, then 100 ms of them fail; they sleep then, and are
            // not counted before they have ended.
            let calls = hour * 3_600_000;
            let ask = |n: u64| at(hour * 3600 * SECOND + n * SECOND / 1000);
            let healed =
                (0..100).filter(|&n| budget.acquire_at(ask(n), calls, attempts - 1)).count();
            assert!(healed >= 99, "{healed} in hour {hour} of {attempts} attempts");
        }
    }
}

#[test]
fn a_clock_that_goes_back_gives_nothing() {
    let budget = AdaptiveBudget::new();
    while budget.acquire_at(at(3600 * SECOND), 1, 2) {}
    assert!(!budget.acquire_at(at(0), 1, 2));
    assert!(!budget.acquire_at(Timestamp::ZERO, 1, 2));
    let shared = RetryBudget::new(1.0, 5);
    while shared.acquire_at(at(3600 * SECOND)) {}
    assert!(!shared.acquire_at(at(0)));
    assert!(shared.acquire_at(at(3601 * SECOND)));
}

#[test]
fn a_clock_that_swings_fills_no_adaptive_budget() {
    let budget = AdaptiveBudget::new();
    let ask = |nanos: u64| budget.acquire_at(at(3600 * SECOND + nanos), 1_000_000, 2);
    while ask(0) {}
    while ask(3 * SECOND) {}
    // Back into the seconds in which the rate was learned, before them, and forth.
    for n in 0..10_000 {
        assert!(!ask(n % 7 * SECOND / 2));
        assert!(!budget.acquire_at(at(n), 1_000_000, 2));
    }
}

#[test]
fn tokens_are_conserved_across_threads() {
    let budget = RetryBudget::new(0.0, 1000).deposit_per_call(0.5);
    let granted: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..2000)
                        .filter(|_| {
                            budget.deposit(1);
                            budget.acquire_at(at(0))
                        })
                        .count() as u64
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert!(granted <= 1000 + 8 * 2000 / 2, "{granted}");
    assert!(granted >= 8 * 2000 / 2, "{granted}");
    assert!(budget.tokens() <= 1000);
}

fn words(make: impl FnOnce() -> RetryBudget + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(make).expect_err("refused");
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap()
}

#[test]
fn rates_that_mean_nothing_are_refused_and_the_words_say_which() {
    for (rate, said) in [
        (f64::NAN, "is not a number"),
        (-1.0, "is negative"),
        (f64::NEG_INFINITY, "is negative"),
        (f64::INFINITY, "is above"),
        (1e300, "is above"),
    ] {
        let text = words(move || RetryBudget::new(rate, 1));
        assert!(text.starts_with("`tokens_per_second` ") && text.contains(said), "{text}");
        let text = words(move || RetryBudget::new(0.0, 1).deposit_per_call(rate));
        assert!(text.starts_with("`ratio` ") && text.contains(said), "{text}");
    }
    assert!(words(|| RetryBudget::new(0.0, 0)).starts_with("`max_tokens` is 0"));
    assert!(words(|| RetryBudget::new(0.0, u32::MAX)).starts_with("`max_tokens` is above"));
}

#[test]
fn slow_refill_is_not_lost_to_frequent_requests() {
    let budget = RetryBudget::new(0.1, 1);
    assert!(budget.acquire_at(at(0)));
    let granted = (1..=100_000).filter(|n| budget.acquire_at(at(n * SECOND / 1000))).count();
    assert_eq!(granted, 10, "a hundred seconds at a tenth of a token");
}

#[test]
fn a_flow_is_exact_from_a_token_in_a_century_to_a_billion_a_second() {
    let capacity = 1_000_000_000 * TOKEN;
    let century = 100 * 365 * 24 * 3600 * SECOND;
    for rate in [3.2e-10, 1e-6, 1.0 / 60.0, 0.1, 1.0, 3.0, 1e3, 999_999.9, 1e9] {
        let flow = Flow::new(rate, capacity);
        assert!((flow.rate() - rate).abs() <= rate * 1e-8, "{rate}");
        for elapsed in [1, 1000, SECOND, 3600 * SECOND, century, 1 << 63] {
            let exact = (elapsed as f64 * rate).min(capacity as f64);
            let earned = flow.earned(elapsed) as f64;
            assert!(earned <= exact * 1.000_002 + 1.0, "{earned} of {exact} at {rate}");
            assert!(earned >= exact * 0.999_999_9 - 1.0, "{earned} of {exact} at {rate}");
        }
    }
    assert_eq!(Flow::new(1e-300, capacity).earned(u64::MAX), 0);
}

#[test]
fn weeks_of_idleness_fill_the_bucket_and_no_more() {
    for (rate, max_tokens) in [(1e9, 1_000_000_000), (1e-3, 5), (1.0, 1)] {
        let budget = RetryBudget::new(rate, max_tokens);
        let asked = u64::from(max_tokens.min(1000)) + 5;
        let week = 7 * 24 * 3600 * SECOND;
        for weeks in 1..4 {
            let granted = (0..asked).filter(|_| budget.acquire_at(at(weeks * week))).count() as u64;
            let all = max_tokens > 1000;
            assert_eq!(granted, if all { asked } else { u64::from(max_tokens) });
        }
        assert!(budget.acquire_at(Timestamp::MAX), "the end of time is one more idle week");
    }
}

#[test]
fn keys_are_bounded_and_the_rest_shares_a_bucket() {
    let budget = KeyedBudget::new(1.0, 2);
    let key = |n: u32| format!("tenant {n}");
    for n in 0..1024 {
        assert!(budget.acquire_at(&key(n), at(0), 0));
    }
    assert_eq!(budget.keys(), 1024);
    // Nobody is full yet, so the next ones share two tokens.
    let granted = (2000..2010).filter(|&n| budget.acquire_at(&key(n), at(0), 0)).count();
    assert_eq!((granted, budget.keys()), (2, 1024));
    // Three seconds later everybody is full again, but for one who has just retried.
    assert!(budget.acquire_at(&key(7), at(3 * SECOND), 0));
    assert!(budget.acquire_at(&key(3000), at(3 * SECOND), 0));
    assert_eq!(budget.keys(), 2);
    assert!(budget.acquire_at(&key(7), at(3 * SECOND), 0));
    assert!(!budget.acquire_at(&key(7), at(3 * SECOND), 0), "its bucket was kept");
}

#[test]
fn deposits_go_to_the_key_and_leave_nothing_behind() {
    let budget = KeyedBudget::new(0.0, 1).deposit_per_call(0.5);
    budget.deposit("a", 1000);
    assert_eq!(budget.keys(), 0, "a healthy key needs no bucket");
    assert!(budget.acquire_at("a", at(0), 1));
    budget.deposit("a", 1);
    budget.deposit("b", 1);
    assert!(!budget.acquire_at("a", at(0), 0));
    assert!(budget.acquire_at("a", at(0), 1), "two calls");
    assert_eq!(budget.keys(), 1);
}

#[test]
fn budgets_of_a_name_are_listed_with_their_conflicts() {
    static FIRST: RetryBudget = RetryBudget::new(1.0, 5);
    static SAME: RetryBudget = RetryBudget::new(1.0, 5);
    static OTHER: RetryBudget = RetryBudget::new(1.0, 6);
    assert!(std::ptr::eq(named("tests-listed", &FIRST), &raw const FIRST));
    assert!(std::ptr::eq(named("tests-listed", &SAME), &raw const FIRST));
    let listed = || budgets().into_iter().find(|shared| shared.name == "tests-listed").unwrap();
    assert!(!listed().conflicting);
    assert!(std::ptr::eq(named("tests-listed", &OTHER), &raw const FIRST));
    assert!(listed().conflicting && conflicts().contains(&"tests-listed"));
    assert_eq!(listed().budget.max_tokens(), 5);
}

#[test]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds")]
fn allowances_bound_what_a_budget_grants() {
    for (rate, ratio, most) in [(1.0, 0.2, 10), (0.0, 0.1, 5), (10.0, 0.0, 50), (0.01, 1.0, 1)] {
        for calls_per_second in [0.1, 1.0, 10.0, 100.0] {
            let budget = RetryBudget::new(rate, most).deposit_per_call(ratio);
            let allowance = budget.allowance(3);
            let calls = (60.0 * calls_per_second) as u64;
            let granted: u32 = (0..calls)
                .map(|call| {
                    let now = at((call as f64 / calls_per_second * 1e9) as u64);
                    budget.deposit(1);
                    (0..2).map(|_| u32::from(budget.acquire_at(now))).sum::<u32>()
                })
                .sum();
            let bound = allowance.retries_first_minute(calls_per_second);
            assert!(f64::from(granted) <= bound, "{granted} of {bound}");
            assert!(f64::from(granted) >= bound - 2.0 - ratio - rate * 2.0, "{granted} of {bound}");
        }
    }
}

#[test]
fn an_allowance_tells_up_to_which_share_of_failures_all_retries_are_paid() {
    let allowance = RetryBudget::new(0.0, 10).deposit_per_call(0.2).allowance(3);
    let p = allowance.healed_failure_rate(10.0);
    // p + p² = 0.2
    assert!((p - 0.1708).abs() < 1e-3, "{p}");
    assert!((allowance.healed_failure_rate(10.0) - p).abs() < f64::EPSILON);
    let unlimited = RetryBudget::new(1e9, 1_000_000_000).allowance(3);
    assert!(unlimited.healed_failure_rate(1.0) > 0.999);
}
