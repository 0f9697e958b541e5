//! D: token buckets that pay for retries.

use std::time::Duration;

use steadfast::{RetryBudget, Timestamp};

fn at(seconds: u64) -> Timestamp {
    Timestamp::ZERO.saturating_add(Duration::from_secs(seconds))
}

/// How many of `tries` requests are granted at one moment.
fn granted(budget: &RetryBudget, now: Timestamp, tries: u32) -> u32 {
    (0..tries).map(|_| u32::from(budget.acquire_at(now))).sum()
}

// D1 (FI): empty and infinite. The smallest bucket holds one token, so empty is one that was used
// up; no bucket at all is `budget = none`, which `calls.rs` has.
#[test]
fn d1_empty() {
    let budget = RetryBudget::new(0.0, 1);
    assert!(budget.acquire_at(at(0)));
    assert!(!budget.acquire_at(at(1_000_000)));
    assert_eq!(budget.tokens(), 0);
    let vast = RetryBudget::new(1e9, 1_000_000_000);
    assert_eq!(granted(&vast, at(0), 10_000), 10_000);
    assert_eq!(vast.tokens_at(at(1)), 1_000_000_000);
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

// D9 (UT): what was put in can be taken once. There deposits expire after three seconds and several
// tokens are taken at once or not at all; here they stay, bounded by the capacity, and a retry is one
// token. D8, whose point is the expiry, has no counterpart for the same reason.
#[test]
fn d9_puts_and_gets() {
    let budget = RetryBudget::new(0.0, 100).deposit_per_call(1.0);
    assert_eq!(granted(&budget, at(0), 100), 100);
    budget.deposit(100);
    for (tries, expected) in [(50, 50), (49, 49), (1, 1), (1, 0), (50, 0)] {
        assert_eq!(granted(&budget, at(0), tries), expected);
    }
    budget.deposit(1);
    assert_eq!(granted(&budget, at(0), 1), 1);
    assert_eq!(granted(&budget, at(0), 1), 0);
}

// D25 (GR): there retries stop at half the bucket, so the second of two failures from 4 is refused;
// here the whole bucket is for retries, so a bucket of half the size says the same.
#[test]
fn d25_half_of_the_bucket() {
    let budget = RetryBudget::new(0.0, 1).deposit_per_call(0.8);
    assert!(budget.acquire_at(at(0)));
    assert!(!budget.acquire_at(at(0)));
}

// D33 (FG) and D35 (EN) limit the retries that run at a time to a share of the calls that run: a
// formula of concurrency, which a bucket of tokens does not have. Their floors are its capacity: 2
// retries at least, 3 retries at least, whatever runs.
#[test]
fn d33_d35_floors() {
    for floor in [2, 3] {
        let budget = RetryBudget::new(0.0, floor).deposit_per_call(0.2);
        assert_eq!(granted(&budget, at(0), 10), floor);
    }
    // D35: a fifth of 25 calls.
    let budget = RetryBudget::new(0.0, 5).deposit_per_call(0.2);
    assert_eq!(granted(&budget, at(0), 5), 5);
    budget.deposit(25);
    assert_eq!(granted(&budget, at(0), 10), 5);
}

// D37, D38, D39 (AW) price retries differently (14, or 5 for a throttled one) and pay a successful
// retry back. Here a retry costs one token and every call pays in, so that a burst of successes
// cannot be bought with tokens that it gives back at once. What holds of them: 500 tokens, one
// retry, 499; and a failed retry is never paid back.
#[test]
fn d37_d39_a_retry_costs_and_is_not_paid_back() {
    let budget = RetryBudget::new(0.0, 500);
    assert!(budget.acquire_at(at(0)));
    assert_eq!(budget.tokens(), 499);
    budget.deposit(1);
    assert_eq!(budget.tokens(), 499);
}

// D47 (AW) is a rate limiter that follows a cubic curve for first attempts, too. First attempts are
// never limited here; what limits calls is the circuit breaker.
