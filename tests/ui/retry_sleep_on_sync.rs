use std::time::Duration;

use steadfast::retry;

async fn my_sleep(_: Duration) {}

#[retry(sleep = my_sleep)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
