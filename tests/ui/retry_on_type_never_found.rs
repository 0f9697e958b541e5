use steadfast::retry;

struct ApiError;

#[retry(on = [std::io::Error])]
fn fetch() -> Result<(), ApiError> {
    Err(ApiError)
}

fn main() {
    let _ = fetch();
}
