use steadfast::retry;

#[retry(max_attempts = 1, base_delay = "1s", factor = 3.0)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
