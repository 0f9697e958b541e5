//! E: schedules of delays.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::testing::{self, Event};
use steadfast::{Backoff, Classification, Jitter, RetryPolicy, retry};

use super::{ms, policy, schedule};

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

// E1 (PO), E10 (R4), E23 (SP), E33 (CE) jitter around the delay, by a quarter, a half or a tenth: at
// the cap that is more than the cap, or it is cut there and the clients are in step again. Here
// jitter only shortens: by all of the delay, or by half of it.
#[test]
fn e1_e10_e23_e33_jitter_stays_within_its_range() {
    let draws = |jitter| {
        let policy = policy(ms(100), 1.0, ms(100)).jitter(jitter);
        (0..=50).map(move |n| policy.delay(1, Duration::ZERO, u64::MAX / 50 * n))
    };
    let full: Vec<_> = draws(Jitter::Full).collect();
    assert!(full.iter().all(|&delay| delay <= ms(100)));
    assert!(full[0] == Duration::ZERO && full[50] > Duration::from_micros(99_999));
    let equal: Vec<_> = draws(Jitter::Equal).collect();
    assert!(equal.iter().all(|&delay| (ms(50)..=ms(100)).contains(&delay)));
    assert!(equal.iter().any(|&delay| delay < ms(52)) && equal.iter().any(|&delay| delay > ms(98)));
    // The middles are evenly spread: U = 0.4 and 0.6 of a second are those shares of it.
    let second = policy(ms(1000), 1.0, ms(1000)).jitter(Jitter::Full);
    for (tenths, expected) in [(0, 0), (4, 400), (6, 600), (10, 1000)] {
        let random = (u128::from(u64::MAX) * tenths / 10) as u64;
        let delay = second.delay(1, Duration::ZERO, random);
        assert!(delay.abs_diff(ms(expected)) < Duration::from_micros(1), "{delay:?}");
    }
}

// E5, E6 (PO) are a formula of its own for decorrelated jitter, a smoothed exponential whose values
// were computed from it. This library's is `U(base, 3 * previous)`, the cap on the range.
#[test]
fn e5_e6_decorrelated() {
    let policy = policy(ms(1000), 2.0, ms(30_000)).decorrelated();
    let middle = |previous| policy.delay(2, previous, 1 << 63);
    assert_eq!(policy.delay(1, Duration::ZERO, 0), ms(1000));
    assert_eq!(policy.delay(1, Duration::ZERO, 1 << 63), ms(2000));
    assert_eq!(middle(ms(2000)), ms(3500));
    assert_eq!(middle(ms(3500)), ms(5750));
    assert_eq!(
        middle(ms(20_000)),
        ms(15_500),
        "a range that ends at the cap, not a draw cut at it"
    );
}

// E37 (FG): a delay from 10 to 100 ms.
#[test]
fn e37_a_range() {
    let policy = policy(ms(10), 2.0, ms(100)).decorrelated();
    for (quarters, expected) in [(0, 10), (1, 32), (2, 55), (3, 77), (4, 100)] {
        let random = (u128::from(u64::MAX) * quarters / 4) as u64;
        let delay = policy.delay(2, ms(34), random);
        let close = delay.abs_diff(Duration::from_micros(10_000 + 22_500 * quarters as u64));
        assert!(close < Duration::from_micros(1), "{delay:?}");
        assert!(delay.as_millis() == expected || delay.as_millis() + 1 == expected, "{delay:?}");
    }
}

// E17 (EN): a server asks for 500 ms; never sooner, and not half as much again. Here the spread is
// the base delay, or a tenth where that is more.
#[test]
fn e17_a_hint_is_a_floor() {
    #[retry(max_attempts = 200, base_delay = "249ms", budget = none, log_limit = 1,
            classify = |_: &io::Error| Classification::retryable().after(Duration::from_millis(500)))]
    fn call() -> io::Result<()> {
        Err(ErrorKind::TimedOut.into())
    }
    let scope = testing::scope_with_seed(17);
    call().unwrap_err();
    let delays: Vec<_> = scope
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Retried { delay, .. } => Some(delay),
            _ => None,
        })
        .collect();
    assert_eq!(delays.len(), 199);
    assert!(delays.iter().all(|delay| (ms(500)..=ms(749)).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|&delay| delay < ms(520)));
    assert!(delays.iter().any(|&delay| delay > ms(730)));
}

// E13 (FI): a schedule that ends is `max_attempts`; one that starts where another ends is written
// down as one. Each call of it is asked in order and once.
#[test]
fn e13_a_schedule_is_asked_in_order() {
    thread_local! {
        static ASKED: RefCell<Vec<(u32, Duration)>> = const { RefCell::new(Vec::new()) };
    }
    struct Asked;
    impl Backoff for Asked {
        fn delay(&self, retry: u32, previous: Duration) -> Duration {
            ASKED.with_borrow_mut(|asked| asked.push((retry, previous)));
            ms(u64::from(retry))
        }
    }
    static ASKS: Asked = Asked;
    static TAKE_FIVE: RetryPolicy =
        RetryPolicy::new().max_attempts(6).backoff(&ASKS).jitter(Jitter::None).without_budget();
    let scope = testing::scope();
    TAKE_FIVE.call(|_| Err::<(), _>(io::Error::from(ErrorKind::TimedOut))).unwrap_err();
    let asked = ASKED.take();
    assert_eq!(asked, [(1, ms(0)), (2, ms(1)), (3, ms(2)), (4, ms(3)), (5, ms(4))]);
    assert_eq!(scope.elapsed(), ms(1 + 2 + 3 + 4 + 5));
}
