use steadfast::retry;

#[retry(max_attempts = 5, base_delay = "10s", jitter = "none", deadline = "15s")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
