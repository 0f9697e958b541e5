use steadfast::Classify;

#[derive(Classify)]
enum ApiError {
    Io(std::io::Error),
}

fn main() {}
