use steadfast::retry;

#[retry(backoff = "constant", factor = 3.0)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
