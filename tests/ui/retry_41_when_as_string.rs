use steadfast::retry;

#[retry(when = "is_transient")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
