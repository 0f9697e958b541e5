use steadfast::{Classify, retry};

#[derive(Classify)]
enum ApiError {
    #[retryable]
    Busy,
}

#[retry(deadline = "10s")]
async fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Busy)
}

fn main() {
    let _ = fetch();
}
