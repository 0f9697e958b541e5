use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(after = delai)]
    Busy { delay: std::time::Duration },
}

fn main() {}
