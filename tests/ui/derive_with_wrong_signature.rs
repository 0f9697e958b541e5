use steadfast::{Classification, Classify};

#[derive(Classify)]
enum ApiError {
    #[classify(with = by_code)]
    Vendor { code: u32 },
}

fn by_code(_: &ApiError) -> Classification {
    Classification::permanent()
}

fn main() {}
