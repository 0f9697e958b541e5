use steadfast::Classify;

#[derive(Classify)]
#[retryable]
enum ApiError {
    #[retryable]
    Timeout,
}

fn main() {}
