use std::fmt;

use steadfast::retry;

fn is_transient(_: &fmt::Error) -> bool {
    true
}

#[retry(when = is_transient)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
