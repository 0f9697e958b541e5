use steadfast::retry;

enum ApiError {
    Timeout,
}

#[retry]
fn fetch() -> Result<(), ApiError> {
    Err(ApiError::Timeout)
}

fn main() {
    let _ = fetch();
}
