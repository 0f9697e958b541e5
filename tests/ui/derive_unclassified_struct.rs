use steadfast::Classify;

#[derive(Classify)]
struct Timeout;

fn main() {}
