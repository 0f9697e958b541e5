use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(timeout)]
    Timeout,
}

fn main() {}
