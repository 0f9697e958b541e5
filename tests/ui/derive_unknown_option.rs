use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(retry_after = wait)]
    Busy { wait: std::time::Duration },
}

fn main() {}
