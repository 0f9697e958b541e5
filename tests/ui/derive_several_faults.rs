use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[retryable(kind = "timeout", unsend)]
    Timeout,
    #[permanent(unsent)]
    Refused,
    #[classify]
    Http { status: u16 },
    #[classify(transparent, status = 0)]
    Either(u16),
    Unknown,
}

/// Nothing else breaks: the type still is `Classify`.
fn main() {
    let _ = ApiError::Unknown.classify();
}
