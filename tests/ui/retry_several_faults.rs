use steadfast::retry;

#[retry(max_retries = 3, base_delay = 100, jitter = "some", factor = 0.5)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
