use std::future::Future;
use std::pin::Pin;

use steadfast::retry;

type Fetching = Pin<Box<dyn Future<Output = std::io::Result<u32>>>>;

#[retry]
fn fetch() -> Fetching {
    Box::pin(async { Ok(1) })
}

fn main() {
    let _ = fetch();
}
