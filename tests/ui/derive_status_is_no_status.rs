use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    #[classify(status = 0)]
    Http(String),
}

fn main() {}
