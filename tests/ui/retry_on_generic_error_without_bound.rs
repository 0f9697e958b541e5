use steadfast::retry;

#[retry(on = [std::io::Error])]
fn fetch<E>(error: fn() -> E) -> Result<(), E> {
    Err(error())
}

fn main() {
    let _ = fetch(|| std::io::Error::other("no"));
}
