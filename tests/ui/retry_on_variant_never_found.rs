use steadfast::retry;

enum ApiError {
    Timeout,
}

#[retry(on = [ApiError::Timeout])]
fn fetch() -> Result<(), std::io::Error> {
    Ok(())
}

fn main() {
    let _ = fetch();
    let _ = ApiError::Timeout;
}
