use steadfast::{Classify, retry};

#[derive(Classify)]
enum ApiError {
    #[retryable]
    Busy,
}

#[retry(attempt_timeout = "1s")]
async fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Busy)
}

fn main() {
    let _ = fetch();
}
