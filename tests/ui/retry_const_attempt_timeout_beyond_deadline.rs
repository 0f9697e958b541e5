use std::time::Duration;

use steadfast::retry;

const TIMEOUT: Duration = Duration::from_secs(30);

#[retry(attempt_timeout = TIMEOUT, deadline = "5s")]
async fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
