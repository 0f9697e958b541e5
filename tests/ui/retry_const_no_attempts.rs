use steadfast::retry;

const ATTEMPTS: u32 = 0;

#[retry(base_delay = "2s", max_attempts = ATTEMPTS)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
