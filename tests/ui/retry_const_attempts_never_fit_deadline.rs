use std::time::Duration;

use steadfast::retry;

const DEADLINE: Duration = Duration::from_secs(2);

#[retry(jitter = "none", deadline = DEADLINE)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
