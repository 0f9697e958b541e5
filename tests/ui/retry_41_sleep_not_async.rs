use std::time::Duration;

use steadfast::retry;

fn my_sleep(_: Duration) {}

#[retry(sleep = my_sleep)]
async fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
