use steadfast::retry;

enum ApiError {
    Timeout,
}

#[retry]
fn call() -> Result<(), ApiError> {
    Err(ApiError::Timeout)
}

fn main() {}
