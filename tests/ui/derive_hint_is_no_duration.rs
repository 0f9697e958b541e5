use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(after = seconds)]
    Busy { seconds: u64 },
}

fn main() {}
