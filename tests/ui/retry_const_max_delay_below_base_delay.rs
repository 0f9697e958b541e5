use std::time::Duration;

use steadfast::retry;

const DELAY: Duration = Duration::from_secs(1);

#[retry(base_delay = "5s", max_delay = DELAY)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
