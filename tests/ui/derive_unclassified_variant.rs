use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable]
    Timeout,
    Unauthorized,
}

fn main() {}
