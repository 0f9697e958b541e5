use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[classify(transparent)]
    Format(std::fmt::Error),
}

fn main() {}
