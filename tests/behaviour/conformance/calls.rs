//! F, and the rows of D that take a whole call: what is made of budgets, hints and deadlines.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use steadfast::testing::{self, Event, Scope};
use steadfast::{Classification, Classify, Jitter, RetryBudget, RetryPolicy, StopReason, retry};

use super::ms;

fn down() -> io::Error {
    ErrorKind::TimedOut.into()
}

/// Attempts and reason of the last call of a scope.
fn ended(scope: &Scope) -> (u32, StopReason) {
    match scope.events().pop() {
        Some(Event::Ended { attempts, reason, .. }) => (attempts, reason),
        other => panic!("no end: {other:?}"),
    }
}

/// Three attempts without a pause.
const AT_ONCE: RetryPolicy = RetryPolicy::new().base_delay(Duration::ZERO);

// D1 (FI): without a budget every attempt is made.
#[test]
fn d1_infinite() {
    static POLICY: RetryPolicy = AT_ONCE.max_attempts(100).without_budget();
    let scope = testing::scope();
    POLICY.call(|_| Err::<(), _>(down())).unwrap_err();
    assert_eq!(ended(&scope), (100, StopReason::Exhausted));
}

// D18, D20 (FI): five retries a call at most while the bucket holds ten. There the limit of a call
// is a share of the balance, here it is `max_attempts`.
#[test]
fn d18_d20_a_limit_for_each_call() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 10);
    static POLICY: RetryPolicy = AT_ONCE.max_attempts(6).budget(&BUDGET);
    for (failures, retries) in [(0, 0), (1, 1), (u32::MAX, 5)] {
        let scope = testing::scope();
        let made = Cell::new(0);
        let outcome = POLICY.call(|_| {
            made.set(made.get() + 1);
            if made.get() <= failures { Err(down()) } else { Ok(()) }
        });
        assert_eq!(made.get() - 1, retries);
        assert_eq!(outcome.is_err(), failures == u32::MAX);
        let reason = if outcome.is_ok() { StopReason::Ok } else { StopReason::Exhausted };
        assert_eq!(ended(&scope), (retries + 1, reason));
    }
}

/// An error that says itself how it is classified.
#[derive(Debug, PartialEq)]
struct Says(Classification);

impl Classify for Says {
    fn classify(&self) -> Classification {
        self.0
    }
}

// D26, D27, D29 (GR), in the terms of a bucket that is used up at none instead of at half: a
// retryable failure takes the last token and the next is refused; a permanent one takes none; a
// server that names a time is followed, and paid for like any other retry.
#[test]
fn d26_d27_d29_codes_and_pushback() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 1);
    static POLICY: RetryPolicy =
        RetryPolicy::new().max_attempts(5).base_delay(ms(10)).budget(&BUDGET);
    let run = |class: Classification| {
        let scope = testing::scope();
        POLICY.call(|_| Err::<(), _>(Says(class))).unwrap_err();
        (ended(&scope), scope.elapsed())
    };
    assert_eq!(run(Classification::retryable()).0, (2, StopReason::Budget));
    assert_eq!(run(Classification::permanent()), ((1, StopReason::Permanent), Duration::ZERO));
    let (end, elapsed) = run(Classification::retryable().after(ms(123)));
    assert_eq!(end, (2, StopReason::Budget));
    // 123 ms, spread by a tenth.
    assert!((ms(123)..ms(136)).contains(&elapsed), "{elapsed:?}");
    // D30: a server that says “do not retry” is a permanent failure, whatever the code; the
    // classification of gRPC statuses is tested beside it.
}

// D41 (AW): a bucket of one retry grants the first and refuses the second, and says so.
#[test]
fn d41_the_quota_is_reached() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 1);
    static POLICY: RetryPolicy = AT_ONCE.max_attempts(3).budget(&BUDGET);
    let scope = testing::scope();
    POLICY.call(|_| Err::<(), _>(down())).unwrap_err();
    assert_eq!(ended(&scope), (2, StopReason::Budget));
}

// D43 (AW): four attempts from 25 ms, and the fourth is the last.
#[test]
fn d43_four_attempts() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 500);
    static POLICY: RetryPolicy = RetryPolicy::new()
        .max_attempts(4)
        .base_delay(ms(25))
        .max_delay(ms(20_000))
        .jitter(Jitter::None)
        .budget(&BUDGET);
    assert_eq!(super::schedule(&POLICY, 3), [25, 50, 100].map(ms));
    let scope = testing::scope();
    POLICY.call(|_| Err::<(), _>(down())).unwrap_err();
    assert_eq!(ended(&scope), (4, StopReason::Exhausted));
    assert_eq!(scope.elapsed(), ms(175));
}

// D44 (SM): two failures and a success, after one and two seconds; a retry costs one token here.
#[test]
fn d44_healed_at_the_third() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 500);
    static POLICY: RetryPolicy =
        RetryPolicy::new().max_attempts(5).jitter(Jitter::None).budget(&BUDGET);
    let scope = testing::scope();
    let made = Cell::new(0);
    let outcome = POLICY.call(|_| {
        made.set(made.get() + 1);
        if made.get() < 3 { Err(down()) } else { Ok(made.get()) }
    });
    assert_eq!(outcome.unwrap(), 3);
    assert_eq!(scope.elapsed(), ms(3000));
    let delays: Vec<_> = scope
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Retried { delay, .. } => Some(*delay),
            _ => None,
        })
        .collect();
    assert_eq!(delays, [1000, 2000].map(ms));
}

// F2 (TE): no sleep that would end at or after the deadline, no attempt at it.
#[test]
fn f2_stop_before_the_delay() {
    const SECOND: RetryPolicy = RetryPolicy::new()
        .max_attempts(2)
        .jitter(Jitter::None)
        .max_delay(ms(1))
        .soft_deadline(Duration::from_secs(1));
    static TENTH: RetryPolicy = SECOND.base_delay(Duration::from_micros(100));
    static WHOLE: RetryPolicy = SECOND.base_delay(ms(1));
    static NONE: RetryPolicy = SECOND.base_delay(Duration::ZERO);
    for (elapsed, policy, goes_on) in
        [(999, &TENTH, true), (1000, &WHOLE, false), (999, &NONE, true), (1000, &NONE, false)]
    {
        let scope = testing::scope();
        let first = Cell::new(true);
        policy
            .call(|_| {
                if first.replace(false) {
                    scope.advance(ms(elapsed));
                }
                Err::<(), _>(down())
            })
            .unwrap_err();
        let expected = if goes_on { (2, StopReason::Exhausted) } else { (1, StopReason::Deadline) };
        assert_eq!(ended(&scope), expected, "after {elapsed} ms");
    }
}

// F7 (CE): a sleep that would cross the deadline is not begun.
#[test]
fn f7_stop_before_sleeping() {
    static POLICY: RetryPolicy = RetryPolicy::new()
        .max_attempts(9)
        .jitter(Jitter::None)
        .base_delay(ms(400))
        .soft_deadline(ms(100_000));
    let scope = testing::scope();
    POLICY.call(|_| Err::<(), _>(down())).unwrap_err();
    // 0.4 + 0.8 + … + 51.2 s are 102: the last of eight sleeps is not begun.
    assert_eq!(scope.elapsed(), ms(50_800));
    assert_eq!(ended(&scope).1, StopReason::Deadline);
}

// F18 (GR): dropped while it waits, a call makes no further attempt and leaves no timer.
#[tokio::test(start_paused = true)]
async fn f18_cancelled_while_it_waits() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    #[retry(max_attempts = 9, jitter = "none")]
    async fn call() -> io::Result<()> {
        MADE.fetch_add(1, Relaxed);
        Err(down())
    }
    let cut = tokio::time::timeout(ms(500), call()).await;
    assert!(cut.is_err());
    let before = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(MADE.load(Relaxed), 1);
    // No timer of it was in the way: the paused clock went to ours in one step.
    assert_eq!(before.elapsed(), Duration::from_secs(600));
}

// F19: with an empty budget the failing call returns before any sleep, with its own error.
#[test]
fn f19_an_empty_budget_costs_no_time() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 1);
    static POLICY: RetryPolicy = RetryPolicy::new().max_attempts(9).budget(&BUDGET);
    let scope = testing::scope();
    let first = POLICY.call(|_| Err::<(), _>(Says(Classification::retryable())));
    assert_eq!(first, Err(Says(Classification::retryable())));
    let slept = scope.elapsed();
    let made = Cell::new(0);
    let outcome = POLICY.call(|_| {
        made.set(made.get() + 1);
        Err::<(), _>(Says(Classification::retryable()))
    });
    assert_eq!(outcome, Err(Says(Classification::retryable())));
    assert_eq!((made.get(), ended(&scope)), (1, (1, StopReason::Budget)));
    assert_eq!(scope.elapsed(), slept, "no sleep");
}

// F5 (SP): Rust has no interruption of a thread; the async counterpart is F18.
// F11 (A6): hedging is not offered: a second request while the first runs is load without a failure.
// F13 (LK): a body is a function here, not a request; what it sends is not kept, so nothing has a
// size.
// F15 (FG), F16, F17 (SRE): throttling first attempts at the client is not offered; the breaker
// rejects them. The formula stands in the experiment E5.
