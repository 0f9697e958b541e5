use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[classify(transparent)]
    Query { text: String, source: std::io::Error },
}

fn main() {}
