use steadfast::retry;

const FACTOR: f64 = 0.5;

#[retry(factor = FACTOR)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
