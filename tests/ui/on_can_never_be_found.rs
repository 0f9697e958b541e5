use steadfast::retry;

struct ApiError;

#[retry(on = [std::io::Error])]
fn call() -> Result<(), ApiError> {
    Err(ApiError)
}

fn main() {}
