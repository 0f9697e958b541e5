use std::time::Duration;

use steadfast::{Classify, RetryPolicy, retry};

static POLICY: RetryPolicy = RetryPolicy::new().attempt_timeout(Duration::from_secs(1));

#[derive(Classify)]
enum ApiError {
    #[retryable]
    Busy,
}

#[retry(policy = POLICY)]
async fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Busy)
}

fn main() {
    let _ = fetch();
}
