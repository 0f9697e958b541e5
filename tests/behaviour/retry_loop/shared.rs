//! Policies and budgets that several functions share, and a policy without an attribute.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::{Jitter, RetryPolicy, retry, testing};

use super::until;

static SHARED: RetryPolicy = RetryPolicy::new().max_attempts(4).jitter(Jitter::None);
static CUTTING: RetryPolicy = RetryPolicy::new().attempt_timeout(Duration::from_secs(1));

#[test]
fn a_shared_policy_holds_and_options_beside_it_override() {
    #[retry(policy = SHARED)]
    fn shared(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 99, ErrorKind::TimedOut)
    }
    #[retry(policy = SHARED, max_attempts = 2)]
    fn overridden(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 99, ErrorKind::TimedOut)
    }
    let scope = testing::scope();
    let calls = Cell::new(0);
    shared(&calls).unwrap_err();
    assert_eq!((calls.get(), scope.elapsed().as_secs()), (4, 7));
    overridden(&calls).unwrap_err();
    assert_eq!(calls.get(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_attempt_timeout_of_a_shared_policy_cuts() {
    #[retry(policy = CUTTING)]
    async fn slow(calls: &Cell<u32>) -> io::Result<u32> {
        calls.set(calls.get() + 1);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(0)
    }
    /// An error type without `From<AttemptTimeout>`, under a policy that never cuts.
    #[retry(policy = SHARED, on = any)]
    async fn uncut() -> Result<u32, String> {
        Ok(1)
    }
    let calls = Cell::new(0);
    assert_eq!(slow(&calls).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(calls.get(), 3);
    assert_eq!(uncut().await.unwrap(), 1);
}

#[test]
fn functions_that_name_a_budget_share_it() {
    #[retry(budget(name = "shared by name", max_tokens = 3), max_attempts = 9)]
    fn one(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 99, ErrorKind::TimedOut)
    }
    #[retry(budget(name = "shared by name", max_tokens = 3), max_attempts = 9)]
    fn other(calls: &Cell<u32>) -> io::Result<u32> {
        until(calls, 99, ErrorKind::TimedOut)
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    one(&calls).unwrap_err();
    other(&calls).unwrap_err();
    assert_eq!(calls.get(), 5, "two first attempts and three retries");
}

#[tokio::test]
async fn a_policy_is_called_without_an_attribute() {
    let scope = testing::scope();
    let calls = Cell::new(0);
    SHARED.call(|_| until(&calls, 4, ErrorKind::TimedOut)).unwrap();
    calls.set(0);
    let answer = SHARED.call_async(async |attempt| {
        assert_eq!(attempt.number(), calls.get() + 1);
        until(&calls, 3, ErrorKind::TimedOut)
    });
    assert_eq!(answer.await.unwrap(), 3);
    assert_eq!(scope.elapsed().as_secs(), 7 + 3);
}
