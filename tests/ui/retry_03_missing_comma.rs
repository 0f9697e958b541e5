use steadfast::retry;

#[retry(max_attempts = 3 base_delay = "1s")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
