use steadfast::retry;

const RATIO: f64 = -0.5;

#[retry(budget(ratio = RATIO, max_tokens = 10))]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
