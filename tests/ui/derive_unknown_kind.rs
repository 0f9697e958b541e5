use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(kind = rate_limit)]
    Busy,
}

fn main() {}
