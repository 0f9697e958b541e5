use steadfast::retry;

enum ApiError {
    Timeout,
}

#[retry(on = [ApiError::Timeuot])]
fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Timeout)
}

fn main() {
    let _ = fetch();
}
