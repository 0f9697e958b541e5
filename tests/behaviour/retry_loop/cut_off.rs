//! Attempts and calls that take too long.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::testing::{self, Event};
use steadfast::{AttemptTimeout, StopReason, retry};

use super::until;

#[tokio::test(start_paused = true)]
async fn an_attempt_is_cut_off_and_tried_again() {
    #[retry(max_attempts = 3, attempt_timeout = "1s", jitter = "none")]
    async fn slow(calls: &Cell<u32>) -> io::Result<u32> {
        calls.set(calls.get() + 1);
        if calls.get() < 3 {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        Ok(calls.get())
    }
    assert_eq!(slow(&Cell::new(0)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_the_body_and_returns_the_last_real_error() {
    #[retry(max_attempts = 3, deadline = "10s", jitter = "none")]
    async fn slow(calls: &Cell<u32>) -> io::Result<u32> {
        calls.set(calls.get() + 1);
        if calls.get() == 1 {
            return Err(ErrorKind::ConnectionReset.into());
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(0)
    }
    let begin = tokio::time::Instant::now();
    let (answer, report) = steadfast::reported(slow(&Cell::new(0))).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert_eq!(report.reason, StopReason::Deadline);
    assert_eq!(report.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_without_a_real_error_returns_the_timeout() {
    #[derive(Debug, PartialEq)]
    struct Failed(AttemptTimeout);
    #[retry(deadline = "2s", map_timeout = Failed, on = any)]
    async fn hangs() -> Result<(), Failed> {
        std::future::pending().await
    }
    assert_eq!(hangs().await.unwrap_err().0.limit(), None);
}

#[test]
fn no_sleep_is_begun_that_would_cross_the_deadline() {
    #[retry(max_attempts = 4, deadline = "10s", jitter = "none")]
    fn fails(calls: &Cell<u32>, scope: &testing::Scope) -> io::Result<u32> {
        scope.advance(Duration::from_secs(2));
        until(calls, 99, ErrorKind::TimedOut)
    }
    let scope = testing::scope();
    let calls = Cell::new(0);
    fails(&calls, &scope).unwrap_err();
    // Three attempts of 2 seconds and delays of 1 and 2; the next 4 seconds would cross.
    assert_eq!((calls.get(), scope.elapsed().as_secs()), (3, 9));
    assert!(matches!(
        scope.events().last(),
        Some(Event::Ended { reason: StopReason::Deadline, .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_real_error_outlives_the_timeouts_after_it() {
    #[retry(
        max_attempts = 5,
        attempt_timeout = "2s",
        deadline = "7s",
        base_delay = "1s",
        jitter = "none",
        backoff = "constant"
    )]
    async fn slow(calls: &Cell<u32>) -> io::Result<u32> {
        calls.set(calls.get() + 1);
        if calls.get() == 1 {
            return Err(ErrorKind::ConnectionReset.into());
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(0)
    }
    let calls = Cell::new(0);
    let (answer, report) = steadfast::reported(slow(&calls)).await;
    // 0 s reset; 1..3 s and 4..6 s timeouts; the next attempt would begin at the deadline.
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((calls.get(), report.reason), (3, StopReason::Deadline));
}
