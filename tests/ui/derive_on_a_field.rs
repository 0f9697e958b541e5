use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable]
    Busy {
        #[retryable(after = hint)]
        hint: std::time::Duration,
    },
}

fn main() {}
