use steadfast::retry;

enum ApiError {
    Timeout,
}

#[retry]
async fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Timeout)
}

fn main() {
    let _ = fetch();
}
