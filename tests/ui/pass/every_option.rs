#![deny(warnings, clippy::all, clippy::pedantic)]

//! Every option once, and no warning.

use std::io;
use std::time::Duration;

use steadfast::{
    AttemptTimeout, Classification, Classify, RetryBudget, RetryEvent, RetryPolicy, retry,
};

static POLICY: RetryPolicy = RetryPolicy::new().max_attempts(4);
static BUDGET: RetryBudget = RetryBudget::new(10.0, 50);
const DELAY: Duration = Duration::from_millis(5);

#[derive(Debug, Classify)]
enum ApiError {
    #[retryable]
    Busy,
    #[permanent]
    NotFound,
    #[retryable(kind = timeout)]
    TimedOut,
}

impl From<AttemptTimeout> for ApiError {
    fn from(_: AttemptTimeout) -> Self {
        Self::TimedOut
    }
}

#[retry(
    max_attempts = 2 + 1,
    on = [ApiError::Busy, ApiError::TimedOut],
    not_on = [ApiError::NotFound],
    backoff = "exponential",
    base_delay = DELAY,
    max_delay = "1s",
    factor = 1.5,
    jitter = "equal",
    attempt_timeout = "1s",
    deadline = "10s",
    max_retry_after = "2s",
    budget = BUDGET,
    context = attempt,
    on_retry = note,
    nested = "allow",
    name = "everything",
    log_errors = false,
    log_limit = 3
)]
async fn everything(id: u32) -> Result<u32, ApiError> {
    std::future::ready(()).await;
    if id == 0 { Err(ApiError::NotFound) } else { Ok(attempt.number()) }
}

fn note(_: &RetryEvent<'_>) {}

#[retry(policy = POLICY, when = |error| error.kind() == io::ErrorKind::TimedOut)]
fn shared(text: &str) -> io::Result<usize> {
    Ok(text.len())
}

#[retry(classify = by_kind, budget(ratio = 0.2, max_tokens = 5), deadline = soft("3s"))]
fn classified() -> io::Result<u32> {
    Ok(1)
}

fn by_kind(error: &io::Error) -> Classification {
    error.classify()
}

#[retry(when_value = |value| *value == 0, budget = none, base_delay = "1ms", max_attempts = 2)]
fn polled() -> u32 {
    1
}

#[retry(clone(text))]
fn consumed(text: String) -> Option<Vec<u8>> {
    Some(text.into_bytes())
}

#[retry(on = any, attempt_timeout = "1s", map_timeout = |_| io::ErrorKind::TimedOut.into())]
async fn mapped() -> io::Result<u32> {
    std::future::ready(Ok(1)).await
}

#[retry(classify_value = |status| (*status == 503).then_some(Classification::retryable()))]
fn status() -> io::Result<u16> {
    Ok(200)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(everything(1).await.unwrap(), 1);
    assert!(matches!(everything(0).await, Err(ApiError::NotFound)));
    assert_eq!(shared("abc").unwrap(), 3);
    assert_eq!(classified().unwrap(), 1);
    assert_eq!(polled(), 1);
    assert_eq!(consumed("a".to_owned()).unwrap(), b"a");
    assert_eq!(mapped().await.unwrap(), 1);
    assert_eq!(status().unwrap(), 200);
    let _ = ApiError::Busy;
}
