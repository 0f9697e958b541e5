//! Laws of delays, for every setting and every random number.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use proptest::prelude::*;
use steadfast::testing::{self, Event};
use steadfast::{Classification, Jitter, RetryPolicy, StopReason, retry};

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        any::<u64>().prop_map(Duration::from_nanos),
        (0..100_000_u64).prop_map(Duration::from_millis),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(s, n)| Duration::new(s, n)),
    ]
}

fn factors() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), Just(2.0), 1.0..4.0_f64, 1.0..1e9_f64, Just(f64::MAX)]
}

fn retries() -> impl Strategy<Value = u32> {
    prop_oneof![1..100_u32, any::<u32>(), Just(u32::MAX)]
}

fn jitters() -> impl Strategy<Value = Jitter> {
    prop_oneof![Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::None)]
}

fn policies() -> impl Strategy<Value = RetryPolicy> {
    (durations(), durations(), factors(), jitters(), 0..4).prop_map(
        |(base, cap, factor, jitter, schedule)| {
            let policy = match schedule {
                0 => RetryPolicy::new().exponential().factor(factor),
                1 => RetryPolicy::new().linear(),
                2 => RetryPolicy::new().constant(),
                _ => RetryPolicy::new().decorrelated(),
            };
            policy.base_delay(base).max_delay(cap).jitter(jitter)
        },
    )
}

/// What the runtime takes for the longest delay: 584 years.
fn nanos(duration: Duration) -> u128 {
    duration.as_nanos().min(u128::from(u64::MAX))
}

thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });

fn fails(class: Classification) -> Result<(), Classified> {
    CALLS.set(CALLS.get() + 1);
    Err(Classified(class))
}

struct Classified(Classification);

impl steadfast::Classify for Classified {
    fn classify(&self) -> Classification {
        self.0
    }
}

static POLICIES: [RetryPolicy; 5] = {
    let policy = RetryPolicy::new().without_budget();
    [
        policy.max_attempts(1),
        policy.max_attempts(2),
        policy.max_attempts(3).decorrelated(),
        policy.max_attempts(7).linear(),
        policy.max_attempts(40).factor(1.5),
    ]
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_delay_is_above_the_cap(
        policy in policies(),
        retry in retries(),
        previous in durations(),
        random: u64,
    ) {
        let cap = format!("{policy:?}");
        let delay = policy.delay(retry, previous, random);
        // The cap as the policy holds it.
        let longest = policy.jitter(Jitter::None).constant().base_delay(Duration::MAX);
        prop_assert!(delay <= longest.delay(1, Duration::ZERO, 0), "{delay:?} of {cap}");
    }

    #[test]
    fn delays_without_jitter_grow_up_to_the_cap(
        base in durations(),
        cap in durations(),
        factor in factors(),
        linear: bool,
        first in retries(),
    ) {
        let policy = RetryPolicy::new().base_delay(base).max_delay(cap).jitter(Jitter::None);
        let policy = if linear { policy.linear() } else { policy.factor(factor) };
        let mut last = 0;
        let late = first.max(80);
        for retry in (1..80).chain([late, late.saturating_add(1), u32::MAX]) {
            let delay = nanos(policy.delay(retry, Duration::ZERO, 0));
            prop_assert!(delay >= last, "{delay} < {last} at {retry} of {policy:?}");
            let least = nanos(base).min(nanos(cap)).saturating_sub(nanos(base) >> 50);
            prop_assert!(delay >= least, "{policy:?}");
            last = delay;
        }
    }

    #[test]
    fn jitter_draws_from_its_range(
        base in durations(),
        cap in durations(),
        retry in retries(),
        random: u64,
    ) {
        let policy = RetryPolicy::new().base_delay(base).max_delay(cap);
        let delay = |jitter| nanos(policy.jitter(jitter).delay(retry, Duration::ZERO, random));
        let (none, equal, full) = (delay(Jitter::None), delay(Jitter::Equal), delay(Jitter::Full));
        prop_assert!(full <= none);
        prop_assert!(equal <= none && equal >= none / 2);
        let ends = |jitter| {
            [0, u64::MAX].map(|random| nanos(policy.jitter(jitter).delay(retry, Duration::ZERO, random)))
        };
        prop_assert_eq!(ends(Jitter::Full), [0, none]);
        prop_assert_eq!(ends(Jitter::Equal), [none, none - none / 2]);
    }

    #[test]
    fn decorrelated_delays_stay_between_the_base_and_three_times_the_last(
        base in durations(),
        cap in durations(),
        previous in durations(),
        retry in retries(),
        random: u64,
    ) {
        let policy = RetryPolicy::new().base_delay(base).max_delay(cap).decorrelated();
        let delay = nanos(policy.delay(retry, previous, random));
        let (base, cap) = (nanos(base), nanos(cap));
        prop_assert!(delay >= base.min(cap));
        prop_assert!(delay <= cap.min(nanos(previous).max(base) * 3));
    }

    #[test]
    fn the_body_runs_at_most_max_times_and_once_for_a_permanent_error(
        which in 0..POLICIES.len(),
        good_at in 1..60_u32,
        permanent_at in 1..60_u32,
        seed: u64,
    ) {
        let policy = &POLICIES[which];
        let scope = testing::scope_with_seed(seed);
        CALLS.set(0);
        let answer = policy.call(|attempt| {
            assert_eq!(attempt.number(), CALLS.get() + 1);
            if CALLS.get() + 1 == good_at {
                CALLS.set(CALLS.get() + 1);
                return Ok(());
            }
            let permanent = CALLS.get() + 1 == permanent_at;
            fails(if permanent { Classification::permanent() } else { Classification::retryable() })
        });
        let expected = policy.attempts().min(good_at).min(permanent_at);
        prop_assert_eq!(CALLS.get(), expected);
        prop_assert_eq!(answer.is_ok(), expected == good_at);
        let reason = if expected == good_at {
            StopReason::Ok
        } else if expected == permanent_at {
            StopReason::Permanent
        } else {
            StopReason::Exhausted
        };
        let end = scope.events().pop();
        let told = matches!(end, Some(Event::Ended { attempts, reason: why, .. }) if attempts == expected && why == reason);
        prop_assert!(told, "{end:?}, {reason:?} after {expected}");
    }
}

/// Experiment E2: a thousand clients that failed together must not come back together.
fn lockstep(policy: &RetryPolicy, seed: u64) -> f64 {
    let mut random = Random(seed);
    let base = Duration::from_secs(1);
    let mut bins = [0_u32; 100];
    for _ in 0..1000 {
        let mut now = Duration::from_nanos(random.below(10_000_000));
        let (mut retry, mut previous) = (0, Duration::ZERO);
        while now < Duration::from_millis(65_500) {
            retry += 1;
            previous = policy.delay(retry, previous, random.next());
            // A call that meets the stall is answered at its end.
            let sent = now + previous;
            now = if (base * 30..base * 35).contains(&sent) { base * 35 } else { sent };
            if let Some(since) = now.checked_sub(Duration::from_millis(60_500)) {
                if let Some(bin) = bins.get_mut(usize::try_from(since.as_millis() / 50).unwrap()) {
                    *bin += 1;
                }
            }
        }
    }
    let peak = f64::from(*bins.iter().max().unwrap());
    peak / (f64::from(bins.iter().sum::<u32>()) / 100.0)
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[test]
fn clients_in_step_fall_out_of_it_by_jitter_alone() {
    let policy =
        RetryPolicy::new().base_delay(Duration::from_millis(100)).max_delay(Duration::from_secs(5));
    let mean =
        |policy: &RetryPolicy| (1..=10).map(|seed| lockstep(policy, seed)).sum::<f64>() / 10.0;
    let (full, equal, none) = (
        mean(&policy.jitter(Jitter::Full)),
        mean(&policy.jitter(Jitter::Equal)),
        mean(&policy.jitter(Jitter::None)),
    );
    assert!((1.36..=1.84).contains(&full), "full: {full}");
    assert!((1.5..=2.1).contains(&equal), "equal: {equal}");
    assert!((85.0..=100.1).contains(&none), "none: {none}");
}

/// The draws of full jitter are uniform, at the cap as everywhere (Kolmogorov-Smirnov, p > 0.001).
#[test]
fn full_jitter_is_uniform_at_the_cap() {
    const DRAWS: u32 = 200_000;
    let policy = RetryPolicy::new();
    let scope = testing::scope_with_seed(3);
    for retry in [1, 3, 50] {
        let top = policy.jitter(Jitter::None).delay(retry, Duration::ZERO, 0).as_secs_f64();
        let mut random = Random(u64::from(retry));
        let mut draws: Vec<f64> = (0..DRAWS)
            .map(|_| policy.delay(retry, Duration::ZERO, random.next()).as_secs_f64() / top)
            .collect();
        draws.sort_by(f64::total_cmp);
        let distance = draws
            .iter()
            .zip(0_u32..)
            .map(|(draw, rank)| (draw - f64::from(rank) / f64::from(DRAWS)).abs())
            .fold(0.0, f64::max);
        assert!(distance < 1.95 / f64::from(DRAWS).sqrt(), "{distance} at retry {retry}");
    }
    drop(scope);
}

/// Fault 91: two scopes of one seed draw alike, two threads without a scope do not.
#[test]
fn threads_draw_numbers_of_their_own() {
    #[retry(max_attempts = 9, base_delay = Duration::from_nanos(1 << 20), factor = 1.0)]
    fn call(delays: &mut Vec<Duration>) -> io::Result<()> {
        let _ = &delays;
        Err(ErrorKind::TimedOut.into())
    }
    let slept = || {
        let (_, report) = steadfast::reported_sync(|| call(&mut Vec::new()));
        report.slept
    };
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(slept)).collect();
    let mut sums: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    sums.sort();
    sums.dedup();
    assert!(sums.len() > 1, "{sums:?}");
}
