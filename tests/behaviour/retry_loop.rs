//! How often the body runs, with which delays, and what comes back. Calls that take too long, and
//! what several functions share, are below.

mod cut_off;
mod shared;

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::testing::{self, Event};
use steadfast::{Classification, Kind, RetryBudget, RetryEvent, StopReason, retry};

fn timed_out() -> io::Error {
    ErrorKind::TimedOut.into()
}

/// Fails with `error` until `calls` has come to `until`.
fn until(calls: &Cell<u32>, until: u32, error: ErrorKind) -> io::Result<u32> {
    calls.set(calls.get() + 1);
    if calls.get() < until { Err(error.into()) } else { Ok(calls.get()) }
}

#[retry]
fn by_default(calls: &Cell<u32>, good_at: u32, error: ErrorKind) -> io::Result<u32> {
    until(calls, good_at, error)
}

#[retry]
async fn by_default_async(calls: &Cell<u32>, good_at: u32, error: ErrorKind) -> io::Result<u32> {
    until(calls, good_at, error)
}

#[tokio::test]
async fn a_success_at_the_third_attempt_is_returned() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(by_default(&calls, 3, ErrorKind::TimedOut).unwrap(), 3);
    calls.set(0);
    assert_eq!(by_default_async(&calls, 3, ErrorKind::TimedOut).await.unwrap(), 3);
}

#[tokio::test]
async fn a_permanent_error_ends_the_call_at_once() {
    let scope = testing::scope();
    let calls = Cell::new(0);
    by_default(&calls, 9, ErrorKind::NotFound).unwrap_err();
    assert_eq!(calls.get(), 1);
    by_default_async(&calls, 9, ErrorKind::NotFound).await.unwrap_err();
    assert_eq!(calls.get(), 2);
    for event in scope.events() {
        assert!(matches!(event, Event::Ended { reason: StopReason::Permanent, attempts: 1, .. }));
    }
}

#[tokio::test]
async fn sync_and_async_draw_the_same_delays_from_the_same_seed() {
    let delays = |scope: &testing::Scope| -> Vec<Duration> {
        scope
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Retried { delay, .. } => Some(delay),
                _ => None,
            })
            .collect()
    };
    let calls = Cell::new(0);
    let scope = testing::scope_with_seed(7);
    by_default(&calls, 9, ErrorKind::TimedOut).unwrap_err();
    let sync = delays(&scope);
    drop(scope);
    let scope = testing::scope_with_seed(7);
    by_default_async(&calls, 9, ErrorKind::TimedOut).await.unwrap_err();
    assert_eq!(delays(&scope), sync);
    assert_eq!(sync.len(), 2);
    assert!(sync[0] <= Duration::from_secs(1) && sync[1] <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn the_delays_pass_on_the_paused_clock_of_tokio() {
    #[retry(max_attempts = 4, jitter = "none", base_delay = "1s")]
    async fn fetch(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 4, ErrorKind::TimedOut)
    }
    let begin = tokio::time::Instant::now();
    assert_eq!(fetch(&Cell::new(0)).await.unwrap(), 4);
    assert_eq!(begin.elapsed().as_secs(), 7, "1 + 2 + 4 seconds");
}

#[derive(Debug)]
#[allow(dead_code)]
enum Api {
    Timeout,
    Http { status: u16, wait: u64 },
    Fatal,
}

#[test]
fn on_names_variants_and_patterns() {
    #[retry(on = [Api::Timeout, Api::Http { status: 500..=599, .. }], max_attempts = 2, budget = none)]
    fn call(calls: &Cell<u32>, error: fn() -> Api) -> Result<(), Api> {
        calls.set(calls.get() + 1);
        Err(error())
    }
    let _scope = testing::scope();
    for (error, expected) in [
        ((|| Api::Timeout) as fn() -> Api, 2),
        (|| Api::Http { status: 503, wait: 0 }, 2),
        (|| Api::Http { status: 404, wait: 0 }, 1),
        (|| Api::Fatal, 1),
    ] {
        let calls = Cell::new(0);
        call(&calls, error).unwrap_err();
        assert_eq!(calls.get(), expected, "{:?}", error());
    }
}

#[test]
fn a_kind_of_io_error_is_an_entry_and_not_on_beats_on() {
    #[retry(on = [io::Error], not_on = [io::ErrorKind::NotFound, ErrorKind::PermissionDenied])]
    fn call(calls: &Cell<u32>, kind: ErrorKind) -> io::Result<()> {
        calls.set(calls.get() + 1);
        Err(kind.into())
    }
    let _scope = testing::scope();
    for (kind, expected) in
        [(ErrorKind::Other, 3), (ErrorKind::NotFound, 1), (ErrorKind::PermissionDenied, 1)]
    {
        let calls = Cell::new(0);
        call(&calls, kind).unwrap_err();
        assert_eq!(calls.get(), expected, "{kind}");
    }
}

#[test]
fn a_hint_is_the_floor_of_the_delay_and_too_long_a_one_ends_the_call() {
    fn classify(error: &Api) -> Classification {
        match error {
            Api::Http { wait, .. } => {
                Classification::retryable().kind(Kind::Throttled).after(Duration::from_secs(*wait))
            }
            _ => Classification::permanent(),
        }
    }
    #[retry(classify = classify, max_attempts = 2)]
    fn call(wait: u64) -> Result<(), Api> {
        Err(Api::Http { status: 429, wait })
    }
    let scope = testing::scope();
    call(30).unwrap_err();
    let [Event::Retried { delay, .. }, _] = scope.events()[..] else { panic!("{scope:?}") };
    assert!((30..=33).contains(&delay.as_secs()), "{delay:?}");
    drop(scope);
    let scope = testing::scope();
    call(61).unwrap_err();
    let [Event::Ended { reason, attempts, .. }] = scope.events()[..] else { panic!("{scope:?}") };
    assert_eq!((reason, attempts), (StopReason::Hint, 1));
}

#[test]
fn values_that_are_failures_are_retried_and_the_last_one_returned() {
    fn failing(status: &u16) -> Option<Classification> {
        (*status >= 500).then(Classification::retryable)
    }
    #[retry(classify_value = failing)]
    fn status(calls: &Cell<u32>) -> io::Result<u16> {
        calls.set(calls.get() + 1);
        Ok(503)
    }
    #[retry(classify_value = failing)]
    fn plain(calls: &Cell<u32>) -> u16 {
        calls.set(calls.get() + 1);
        503
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(status(&calls).unwrap(), 503);
    assert_eq!(plain(&calls), 503);
    assert_eq!(calls.get(), 6);
}

#[test]
fn polling_repeats_while_the_value_is_not_there() {
    #[retry(max_attempts = 10, when_value = |n| *n < 4)]
    fn poll(calls: &Cell<u32>) -> u32 {
        calls.set(calls.get() + 1);
        calls.get()
    }
    #[retry(max_attempts = 2, when_value = |n: &u32| *n < 4)]
    fn poll_result(calls: &Cell<u32>) -> io::Result<u32> {
        calls.set(calls.get() + 1);
        Ok(calls.get())
    }
    let scope = testing::scope();
    assert_eq!(poll(&Cell::new(0)), 4);
    assert_eq!(poll_result(&Cell::new(0)).unwrap(), 2);
    assert!(matches!(
        scope.events().last(),
        Some(Event::Ended { reason: StopReason::PollExhausted, .. })
    ));
}

#[test]
fn an_empty_budget_ends_the_call_before_any_sleep() {
    static BUDGET: RetryBudget = RetryBudget::new(0.0, 1);
    #[retry(budget = BUDGET, max_attempts = 5)]
    fn call(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 99, ErrorKind::TimedOut)
    }
    let scope = testing::scope();
    let calls = Cell::new(0);
    call(&calls).unwrap_err();
    assert_eq!(calls.get(), 2);
    assert!(matches!(
        scope.events().last(),
        Some(Event::Ended { reason: StopReason::Budget, attempts: 2, .. })
    ));
}

#[test]
fn the_hook_sees_every_retry() {
    thread_local!(static SEEN: Cell<u32> = const { Cell::new(0) });
    fn note(event: &RetryEvent<'_>) {
        SEEN.set(SEEN.get() * 10 + event.attempt);
        assert_eq!(event.max_attempts, 4);
        assert_eq!(event.error.unwrap().to_string(), "timed out");
        assert!(event.operation.ends_with("::call"), "{}", event.operation);
    }
    #[retry(max_attempts = 4, on_retry = note)]
    fn call() -> io::Result<()> {
        Err(timed_out())
    }
    let _scope = testing::scope();
    call().unwrap_err();
    assert_eq!(SEEN.get(), 123);
}

#[test]
fn the_context_counts_the_attempts() {
    #[retry(context = attempt, deadline = "1h")]
    fn call(numbers: &mut Vec<u32>) -> io::Result<()> {
        numbers.push(attempt.number());
        assert!(attempt.remaining().is_some());
        Err(timed_out())
    }
    let _scope = testing::scope();
    let mut numbers = Vec::new();
    call(&mut numbers).unwrap_err();
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn a_report_tells_attempts_delays_and_every_failure() {
    let _scope = testing::scope();
    let (answer, report) =
        steadfast::reported_sync(|| by_default(&Cell::new(0), 3, ErrorKind::TimedOut));
    assert_eq!(answer.unwrap(), 3);
    assert_eq!((report.attempts, report.reason, report.failures.len()), (3, StopReason::Ok, 2));
    assert!(report.failures.iter().all(|class| class.retryable_kind() == Some(Kind::Timeout)));
    let (_, report) =
        steadfast::reported(by_default_async(&Cell::new(0), 9, ErrorKind::NotFound)).await;
    assert_eq!((report.attempts, report.reason), (1, StopReason::Permanent));
    let (_, report) = steadfast::reported_sync(|| by_default(&Cell::new(9), 0, ErrorKind::Other));
    assert_eq!((report.attempts, report.slept), (1, Duration::ZERO));
    assert!(report.operation.ends_with("::by_default"));
}

#[test]
fn the_snapshot_counts_calls_attempts_and_what_was_healed() {
    let _scope = testing::scope();
    by_default(&Cell::new(0), 1, ErrorKind::TimedOut).unwrap();
    by_default(&Cell::new(0), 2, ErrorKind::TimedOut).unwrap();
    by_default(&Cell::new(0), 9, ErrorKind::NotFound).unwrap_err();
    let snapshot = steadfast::snapshot();
    let [operation] = &snapshot.operations[..] else { panic!("{snapshot:?}") };
    assert_eq!((operation.calls, operation.attempts, operation.ok), (3, 4, 1));
    assert_eq!(operation.ok_retried[0], 1);
    assert_eq!(operation.failed, [(StopReason::Permanent, 1)]);
    assert!((operation.retry_rate() * 3.0 - 1.0).abs() < 1e-9);
    assert!(snapshot.to_string().contains("by_default"), "{snapshot}");
}
