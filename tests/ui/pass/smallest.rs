#![deny(warnings, clippy::all, clippy::pedantic)]

use steadfast::retry;

#[retry]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

pub(crate) fn main() {
    assert_eq!(fetch().unwrap(), 1);
}
