//! Values from the edge of what a type can hold have a defined answer.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::testing::{self, Event, Scope};
use steadfast::{
    AttemptTimeout, Backoff, Classification, Jitter, RetryBudget, RetryPolicy, StopReason,
    Timestamp, retry,
};

fn delays(scope: &Scope) -> Vec<Duration> {
    scope
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Retried { delay, .. } => Some(delay),
            _ => None,
        })
        .collect()
}

fn fails(calls: &Cell<u32>) -> io::Result<u32> {
    calls.set(calls.get() + 1);
    Err(ErrorKind::TimedOut.into())
}

const LONGEST: Duration = Duration::from_nanos(u64::MAX);

#[tokio::test(start_paused = true)]
async fn the_longest_durations_overflow_nothing() {
    #[retry(
        max_attempts = u32::MAX,
        base_delay = Duration::MAX,
        max_delay = Duration::MAX,
        max_retry_after = Duration::MAX,
        deadline = Duration::MAX,
        jitter = "none"
    )]
    fn sync(calls: &Cell<u32>) -> io::Result<u32> {
        if calls.get() == 5 { Ok(5) } else { fails(calls) }
    }
    #[retry(
        max_attempts = u32::MAX,
        base_delay = Duration::MAX,
        max_delay = Duration::MAX,
        attempt_timeout = Duration::MAX,
        deadline = Duration::MAX,
        jitter = "none"
    )]
    async fn future(calls: &Cell<u32>) -> io::Result<u32> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if calls.get() == 5 { Ok(5) } else { fails(calls) }
    }
    let scope = testing::scope();
    assert_eq!(sync(&Cell::new(0)).unwrap(), 5);
    assert_eq!(future(&Cell::new(0)).await.unwrap(), 5);
    assert_eq!(delays(&scope), [LONGEST; 10]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_timeouts_reach_the_real_timer() {
    #[retry(attempt_timeout = Duration::MAX, max_attempts = 2, base_delay = "1ms")]
    async fn by_attempt(calls: &Cell<u32>) -> io::Result<u32> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fails(calls)
    }
    #[retry(deadline = Duration::MAX, max_attempts = 2, base_delay = "1ms")]
    async fn by_deadline(calls: &Cell<u32>) -> io::Result<u32> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fails(calls)
    }
    let calls = Cell::new(0);
    by_attempt(&calls).await.unwrap_err();
    by_deadline(&calls).await.unwrap_err();
    assert_eq!(calls.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_shortest_timeouts_cut_what_waits_and_nothing_else() {
    #[retry(attempt_timeout = Duration::from_nanos(1), base_delay = Duration::ZERO)]
    async fn waits(calls: &Cell<u32>) -> Result<u32, AttemptTimeout> {
        calls.set(calls.get() + 1);
        std::future::pending().await
    }
    #[retry(attempt_timeout = Duration::from_nanos(1))]
    async fn does_not() -> Result<u32, AttemptTimeout> {
        Ok(1)
    }
    let calls = Cell::new(0);
    waits(&calls).await.unwrap_err();
    assert_eq!(calls.get(), 3);
    assert_eq!(does_not().await.unwrap(), 1);
}

#[test]
fn every_schedule_answers_every_attempt() {
    #[derive(Debug)]
    struct Longest;
    impl Backoff for Longest {
        fn delay(&self, _: u32, _: Duration) -> Duration {
            Duration::MAX
        }
    }
    let schedules = [
        RetryPolicy::new(),
        RetryPolicy::new().factor(1.0),
        RetryPolicy::new().factor(1.0 + f64::EPSILON),
        RetryPolicy::new().factor(f64::MAX),
        RetryPolicy::new().linear(),
        RetryPolicy::new().constant(),
        RetryPolicy::new().decorrelated(),
        RetryPolicy::new().backoff(&Longest),
    ];
    let durations = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_secs(1),
        Duration::from_secs(u64::from(u32::MAX)),
        LONGEST,
        Duration::MAX,
    ];
    for policy in schedules {
        for base in durations {
            for cap in durations {
                for jitter in [Jitter::Full, Jitter::Equal, Jitter::None] {
                    let policy = policy.base_delay(base).max_delay(cap).jitter(jitter);
                    for retry in [0, 1, 2, 31, 32, 63, 64, 65, 66, 1024, u32::MAX] {
                        for previous in durations {
                            for random in [0, 1, u64::MAX / 2, u64::MAX] {
                                let delay = policy.delay(retry, previous, random);
                                assert!(delay <= cap.min(LONGEST), "{policy:?} {retry}: {delay:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Symptom: from attempt 66 on, a base of zero was taken for one that had outgrown the cap.
#[test]
fn a_base_of_zero_never_grows() {
    for policy in [RetryPolicy::new(), RetryPolicy::new().factor(3.0), RetryPolicy::new().linear()]
    {
        let policy = policy.base_delay(Duration::ZERO).jitter(Jitter::None);
        for retry in (1..200).chain([u32::MAX]) {
            assert_eq!(policy.delay(retry, Duration::ZERO, u64::MAX), Duration::ZERO, "{retry}");
        }
    }
}

#[tokio::test]
async fn a_million_attempts_with_no_delay() {
    #[retry(max_attempts = 1_000_000, base_delay = Duration::ZERO, budget = none, log_errors = false)]
    fn sync(calls: &Cell<u32>) -> io::Result<u32> {
        fails(calls)
    }
    #[retry(max_attempts = 1_000_000, base_delay = Duration::ZERO, budget = none, context = attempt)]
    async fn future(calls: &Cell<u32>, frames: &Cell<(usize, usize)>) -> io::Result<u32> {
        // Where a local of the body stands: every attempt in the same place, or the stack grows.
        let here = std::ptr::from_ref(&attempt).addr();
        if attempt.number() == 1 {
            frames.set((here, here));
        }
        frames.set((frames.get().0.min(here), frames.get().1.max(here)));
        fails(calls)
    }
    let calls = Cell::new(0);
    sync(&calls).unwrap_err();
    assert_eq!(calls.replace(0), 1_000_000);
    let frames = Cell::new((0, 0));
    let call = future(&calls, &frames);
    assert!(size_of_val(&call) < 512, "{}", size_of_val(&call));
    let (answer, report) = {
        let answer = call.await;
        (answer, frames.get())
    };
    answer.unwrap_err();
    assert_eq!(calls.get(), 1_000_000);
    assert_eq!(report.0, report.1);
}

#[test]
fn hints_beyond_reason_end_the_call_and_those_of_nothing_change_nothing() {
    thread_local!(static HINT: Cell<Duration> = const { Cell::new(Duration::ZERO) });
    #[retry(classify = |_| Classification::retryable().after(HINT.get()), jitter = "none", max_attempts = 2)]
    fn call(calls: &Cell<u32>) -> io::Result<u32> {
        fails(calls)
    }
    #[retry(
        classify = |_| Classification::retryable().after(HINT.get()),
        max_attempts = 2,
        max_delay = Duration::MAX,
        max_retry_after = Duration::MAX
    )]
    fn patient(calls: &Cell<u32>) -> io::Result<u32> {
        fails(calls)
    }
    for (hint, reason) in [
        (Duration::ZERO, StopReason::Exhausted),
        (Duration::from_nanos(1), StopReason::Exhausted),
        (Duration::from_secs(60), StopReason::Exhausted),
        (Duration::new(60, 1), StopReason::Hint),
        (Duration::from_secs(10 * 365 * 86_400), StopReason::Hint),
        // 584 years are no hint.
        (LONGEST, StopReason::Exhausted),
        (Duration::MAX, StopReason::Exhausted),
    ] {
        HINT.set(hint);
        let scope = testing::scope();
        call(&Cell::new(0)).unwrap_err();
        let Some(Event::Ended { reason: ended, .. }) = scope.events().pop() else { panic!() };
        assert_eq!(ended, reason, "{hint:?}");
        let hint = if hint < LONGEST { hint } else { Duration::ZERO };
        assert!(delays(&scope).iter().all(|delay| *delay >= hint), "sooner than {hint:?}");
        drop(scope);
        let scope = testing::scope();
        patient(&Cell::new(0)).unwrap_err();
        assert!(delays(&scope)[0] >= hint, "{hint:?}: {:?}", delays(&scope));
    }
}

#[test]
fn one_attempt_is_the_bare_function() {
    #[retry(max_attempts = 1)]
    fn sync(calls: &Cell<u32>) -> io::Result<u32> {
        fails(calls)
    }
    let scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(sync(&calls).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!((calls.get(), delays(&scope).len(), scope.elapsed()), (1, 0, Duration::ZERO));
}

#[test]
fn a_scope_whose_clock_has_come_to_its_end_still_answers() {
    #[retry(deadline = "10s", max_attempts = 4)]
    fn call(calls: &Cell<u32>) -> io::Result<u32> {
        fails(calls)
    }
    let scope = testing::scope();
    scope.advance(Duration::MAX);
    let calls = Cell::new(0);
    call(&calls).unwrap_err();
    assert!((1..=4).contains(&calls.get()));
}

#[test]
fn budgets_at_the_edge() {
    let most = RetryBudget::new(1e9, 1_000_000_000).deposit_per_call(1000.0);
    assert!(most.acquire_at(Timestamp::MAX));
    most.deposit(u64::MAX);
    assert!(most.acquire_at(Timestamp::ZERO));
    assert!(most.tokens() <= most.max_tokens());
    let least = RetryBudget::new(1e-6, 1);
    assert!(least.acquire_at(Timestamp::ZERO));
    assert!(!least.acquire_at(Timestamp::ZERO));
    // Ten years bring 315 tokens to a bucket that holds one.
    assert!(least.acquire_at(Timestamp::from_nanos(315_360_000_000_000_000)));
    assert!(!least.acquire_at(Timestamp::from_nanos(315_360_000_000_000_000)));
    assert!(least.acquire_at(Timestamp::MAX));
    assert!(!least.acquire_at(Timestamp::MAX));
}

/// Symptom: in a process whose first failure fell on a paused clock that had run ahead, time stood
/// still for every other runtime, and deadlines never came.
#[test]
fn a_paused_clock_that_ran_ahead_stops_no_other_clock() {
    #[retry(deadline = "10s", jitter = "none", context = attempt)]
    async fn call(elapsed: &Cell<Duration>) -> io::Result<u32> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        elapsed.set(attempt.elapsed());
        Err(ErrorKind::NotFound.into())
    }
    for ahead in [86_400 * 365, 0, 60] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::time::advance(Duration::from_secs(ahead)).await;
            let elapsed = Cell::new(Duration::ZERO);
            call(&elapsed).await.unwrap_err();
            assert_eq!(elapsed.get().as_secs(), 1, "{ahead} s ahead");
        });
    }
}
