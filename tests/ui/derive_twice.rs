use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable]
    #[permanent]
    Timeout,
}

fn main() {}
