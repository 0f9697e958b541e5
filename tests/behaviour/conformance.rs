//! Facts that the test suites of other libraries state, as tables. Sources by the letters of each
//! row: FI Finagle, UT twitter/util, GR grpc-java, AW botocore, SM smithy-rs, PO Polly, R4
//! resilience4j, EN Envoy, SP Spring, TE tenacity, CE cenkalti/backoff, LI litl/backoff, FG
//! failsafe-go.

use std::time::Duration;

use steadfast::{Backoff, Jitter, RetryBudget, RetryPolicy, Timestamp};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO.saturating_add(Duration::from_secs(seconds))
}

/// How many of `tries` requests are granted at one moment.
fn granted(budget: &RetryBudget, now: Timestamp, tries: u32) -> u32 {
    (0..tries).map(|_| u32::from(budget.acquire_at(now))).sum()
}

/// The policy without jitter.
fn policy(base: Duration, factor: f64, cap: Duration) -> RetryPolicy {
    RetryPolicy::new().base_delay(base).factor(factor).max_delay(cap).jitter(Jitter::None)
}

fn schedule(policy: &RetryPolicy, retries: u32) -> Vec<Duration> {
    let mut previous = Duration::ZERO;
    (1..=retries)
        .map(|retry| {
            previous = policy.delay(retry, previous, u64::MAX);
            previous
        })
        .collect()
}

// D6 (FI): a reserve and nothing else grants the reserve, however often it is asked.
#[test]
fn d6_a_reserve_alone() {
    for reserve in [10, 5] {
        let budget = RetryBudget::new(0.0, reserve);
        assert_eq!(granted(&budget, at(0), 10_000), reserve);
    }
}

// D7 (FI): reserve plus share of 10 000 calls: 1010 ± 1 and 5010 ± 1.
#[test]
fn d7_a_reserve_and_a_share_of_the_calls() {
    for (ratio, reserve, expected) in [(0.1, 10, 1010), (0.5, 10, 5010)] {
        let budget = RetryBudget::new(0.0, reserve).deposit_per_call(ratio);
        let granted: u32 = (0..10_000)
            .map(|_| {
                let granted = granted(&budget, at(0), 1);
                budget.deposit(1);
                granted
            })
            .sum();
        assert!((expected - 1..=expected + 1).contains(&granted), "{granted} of {expected}");
    }
}

// D5 (FI): many deposits add up exactly; here up to the capacity.
#[test]
fn d5_deposits_add_up() {
    let budget = RetryBudget::new(0.0, 20_000).deposit_per_call(2.0);
    assert_eq!(granted(&budget, at(0), 30_000), 20_000);
    (0..10_000).for_each(|_| budget.deposit(1));
    assert_eq!(budget.tokens(), 20_000);
}

enum Step {
    Put(u64),
    /// Tokens taken one by one, and how many are there to be had.
    Get(u32, u32),
}

// D11, D12 (UT): a bucket of 10 loses what does not fit.
#[test]
fn d11_d12_a_bounded_bucket() {
    use Step::{Get, Put};
    let empty = || {
        let budget = RetryBudget::new(0.0, 10).deposit_per_call(1.0);
        assert_eq!(granted(&budget, at(0), 11), 10);
        budget
    };
    let runs: [&[(Step, u64)]; 2] = [
        &[(Put(5), 5), (Get(3, 3), 2), (Put(6), 8), (Get(2, 2), 6), (Get(5, 5), 1), (Get(6, 1), 0)],
        &[(Put(15), 10), (Get(10, 10), 0), (Get(1, 0), 0), (Put(15), 10), (Get(11, 10), 0)],
    ];
    for run in runs {
        let budget = empty();
        for (step, left) in run {
            match step {
                Put(calls) => budget.deposit(*calls),
                Get(tries, expected) => assert_eq!(granted(&budget, at(0), *tries), *expected),
            }
            assert_eq!(budget.tokens(), *left);
        }
    }
}

// D16 (tower#857): fractions are neither rounded up nor lost.
#[test]
fn d16_fractions_of_a_token() {
    for (ratio, most) in [(0.6, 6), (0.7, 7), (0.9, 9), (0.4, 4), (0.15, 1)] {
        let budget = RetryBudget::new(0.0, 10).deposit_per_call(ratio);
        assert_eq!(granted(&budget, at(0), 10), 10);
        (0..10).for_each(|_| budget.deposit(1));
        assert_eq!(granted(&budget, at(0), 10), most, "{ratio}");
    }
}

// D17: the smallest ratios overflow nothing.
#[test]
fn d17_a_tiny_ratio() {
    let budget = RetryBudget::new(0.0, 10).deposit_per_call(0.0001);
    assert_eq!(granted(&budget, at(0), 11), 10);
    budget.deposit(10_000);
    assert_eq!(granted(&budget, at(0), 2), 1);
}

// D23 (GR): a bucket of 4 under six failures. gRPC stops at half of it, this bucket at none.
#[test]
fn d23_failures_in_a_row() {
    let budget = RetryBudget::new(0.0, 4).deposit_per_call(0.8);
    let answers: Vec<bool> = (0..6).map(|_| budget.acquire_at(at(0))).collect();
    assert_eq!(answers, [true, true, true, true, false, false]);
    // D24: and six successes fill it again: .8, 1.6, 2.4, 3.2, 4, 4.
    let tokens: Vec<u64> = (0..6)
        .map(|_| {
            budget.deposit(1);
            budget.tokens()
        })
        .collect();
    assert_eq!(tokens, [0, 1, 2, 3, 4, 4]);
}

// D31 (GR): what cannot be meant is refused.
#[test]
fn d31_validation() {
    let refused = |make: fn() -> RetryBudget| std::panic::catch_unwind(make).is_err();
    assert!(refused(|| RetryBudget::new(1.0, 0)));
    assert!(refused(|| RetryBudget::new(-1.0, 1)));
    assert!(refused(|| RetryBudget::new(f64::NAN, 1)));
    assert!(refused(|| RetryBudget::new(f64::INFINITY, 1)));
    assert!(refused(|| RetryBudget::new(1.0, 1).deposit_per_call(-0.1)));
    assert!(refused(|| RetryBudget::new(1.0, 1).deposit_per_call(f64::NAN)));
    assert!(!refused(|| RetryBudget::new(0.0, 1_000_000_000)));
}

// D8, D10 (UT), in the terms of a refill: tokens come back with time, up to the capacity.
#[test]
fn d10_refill() {
    let budget = RetryBudget::new(100.0 / 3.0, 100);
    assert_eq!(granted(&budget, at(0), 50), 50);
    assert_eq!(granted(&budget, at(0), 51), 50);
    assert_eq!(granted(&budget, at(1), 100), 33);
    assert_eq!(granted(&budget, at(3), 100), 66);
    assert_eq!(granted(&budget, at(7), 101), 100);
    assert!(!budget.acquire_at(at(3)), "an earlier moment brings nothing");
}

// D49 (envoy#30205): the one call that just failed may be retried.
#[test]
fn d49_the_only_call() {
    assert!(RetryBudget::new(0.0, 1).deposit_per_call(1.0).acquire_at(at(0)));
}

#[test]
fn exponential_schedules() {
    let rows: [(&str, RetryPolicy, &[u64]); 10] = [
        ("E3 (PO)", policy(ms(1000), 2.0, ms(60_000)), &[1000, 2000, 4000]),
        ("E11 (FI)", policy(ms(2), 2.0, ms(15)), &[2, 4, 8, 15, 15]),
        ("E20 (SP)", policy(ms(1000), 2.0, ms(10_000)), &[1000, 2000, 4000, 8000, 10_000, 10_000]),
        ("E21 (SP)", policy(ms(100), 1.0, ms(60_000)), &[100, 100, 100]),
        ("E22 (SP)", policy(ms(1000), 2.0, ms(50)), &[50, 50]),
        ("E23 (SP)", policy(ms(2000), 1.5, ms(60_000)), &[2000, 3000, 4500]),
        (
            "E25 (TE)",
            policy(ms(1000), 2.0, ms(40_000)),
            &[1000, 2000, 4000, 8000, 16_000, 32_000, 40_000, 40_000],
        ),
        ("E33 (CE)", policy(ms(500), 2.0, ms(5000)), &[500, 1000, 2000, 4000, 5000, 5000]),
        ("E36 (FG)", policy(ms(2000), 2.0, ms(30_000)), &[2000, 4000, 8000, 16_000, 30_000]),
        (
            "E38 (GR)",
            policy(ms(100_000), 2.0, ms(700_000)),
            &[100_000, 200_000, 400_000, 700_000, 700_000],
        ),
    ];
    for (row, policy, expected) in rows {
        let expected: Vec<_> = expected.iter().copied().map(ms).collect();
        let retries = u32::try_from(expected.len()).unwrap();
        assert_eq!(schedule(&policy, retries), expected, "{row}");
    }
}

// E9 (R4): 100 ms doubled to a cap of 100 s; E25 (TE): attempt 50 without computing the power.
#[test]
fn e9_e25_late_attempts() {
    let policy = policy(ms(100), 2.0, ms(100_000));
    assert!(policy.delay(10, Duration::ZERO, 0) < ms(100_000));
    for retry in [11, 12, 13, 50, 1000, 1024, 1025, u32::MAX] {
        assert_eq!(policy.delay(retry, Duration::ZERO, 0), ms(100_000));
    }
}

// E12 (FI): linear from 9 by 30 up to 99; E13, E30 (FI, TE): a table whose last entry stays.
#[test]
fn e12_e13_e30_schedules_of_ones_own() {
    struct Line;
    impl Backoff for Line {
        fn delay(&self, retry: u32, _: Duration) -> Duration {
            ms(9 + 30 * u64::from(retry - 1))
        }
    }
    struct Chain;
    impl Backoff for Chain {
        fn delay(&self, retry: u32, _: Duration) -> Duration {
            ms(1000 * u64::from(retry.min(3)))
        }
    }
    static LINE: Line = Line;
    static CHAIN: Chain = Chain;
    let capped = policy(ms(1), 2.0, ms(99)).backoff(&LINE);
    assert_eq!(schedule(&capped, 5), [9, 39, 69, 99, 99].map(ms));
    let chain = policy(ms(1), 2.0, ms(60_000)).backoff(&CHAIN);
    assert_eq!(schedule(&chain, 4), [1000, 2000, 3000, 3000].map(ms));
    let linear = policy(ms(10), 2.0, ms(35)).linear();
    assert_eq!(schedule(&linear, 5), [10, 20, 30, 35, 35].map(ms));
}

// E24 (SP): no first delay is fine, a factor below one is not.
#[test]
fn e24_no_delay_and_a_shrinking_one() {
    assert_eq!(schedule(&policy(Duration::ZERO, 2.0, ms(100)), 3), [Duration::ZERO; 3]);
    for factor in [0.9, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(std::panic::catch_unwind(|| policy(ms(1), factor, ms(2))).is_err(), "{factor}");
    }
}

// E14, E15 (EN): full jitter at the two ends and in the middle of its range.
#[test]
fn e14_e15_full_jitter() {
    let policy = policy(ms(5), 2.0, ms(100)).jitter(Jitter::Full);
    let tops: Vec<_> = (1..=7).map(|retry| policy.delay(retry, Duration::ZERO, u64::MAX)).collect();
    assert_eq!(tops, [5, 10, 20, 40, 80, 100, 100].map(ms));
    for retry in 1..=7 {
        assert_eq!(policy.delay(retry, Duration::ZERO, 0), Duration::ZERO);
        let middle = policy.delay(retry, Duration::ZERO, 1 << 63);
        assert_eq!(middle, tops[retry as usize - 1] / 2);
    }
}

// E16 (EN), E35 (CE), E7 (PO): nothing overflows.
#[test]
fn e16_e35_e7_the_longest_intervals() {
    let longest = Duration::from_nanos(u64::MAX);
    let widest = policy(Duration::from_nanos(1), 2.0, Duration::MAX).jitter(Jitter::Full);
    for retry in 1..=100 {
        assert!(widest.delay(retry, Duration::ZERO, u64::MAX - 1) <= longest);
    }
    let half = policy(longest / 2, 2.1, Duration::MAX);
    assert_eq!(half.delay(2, Duration::ZERO, 0), longest);
    for retry in [1000, 1024, 1025] {
        let delay = widest.delay(retry, Duration::ZERO, u64::MAX / 3);
        assert!(delay > Duration::ZERO && delay < longest);
    }
}

// E29 (TE): where others stand still at the cap, this jitter goes on.
#[test]
fn e29_jitter_is_alive_at_the_cap() {
    for jitter in [Jitter::Full, Jitter::Equal] {
        let policy = policy(ms(1000), 2.0, ms(60_000)).jitter(jitter);
        for retry in 7..=9 {
            let low = policy.delay(retry, Duration::ZERO, 1 << 62);
            let high = policy.delay(retry, Duration::ZERO, 3 << 62);
            assert_ne!(low, high);
            assert!(low.max(high) <= ms(60_000));
        }
    }
}

// E40 (AW): from 50 ms with a random number of one, up to a cap of 20 s.
#[test]
fn e40_up_to_twenty_seconds() {
    let policy = policy(ms(50), 2.0, ms(20_000)).jitter(Jitter::Full);
    let delays: Vec<_> = (1..=11).map(|n| policy.delay(n, Duration::ZERO, u64::MAX)).collect();
    assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 20_000, 20_000].map(ms));
}

// E43 (TW): settings that contradict each other are refused.
#[test]
fn e43_contradictions() {
    let refused = |make: fn() -> RetryPolicy| std::panic::catch_unwind(make).is_err();
    assert!(refused(|| RetryPolicy::new().base_delay(ms(2)).max_delay(ms(1)).validated()));
    assert!(refused(|| RetryPolicy::new().max_attempts(0)));
    assert!(refused(|| RetryPolicy::new().deadline(Duration::ZERO)));
    assert!(refused(|| RetryPolicy::new().attempt_timeout(Duration::ZERO)));
    assert!(refused(|| RetryPolicy::new().deadline(ms(1)).attempt_timeout(ms(2)).validated()));
}
