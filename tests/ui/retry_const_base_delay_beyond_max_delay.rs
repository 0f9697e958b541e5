use std::time::Duration;

use steadfast::retry;

const DELAY: Duration = Duration::from_secs(30);

#[retry(base_delay = DELAY, max_delay = "5s")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
