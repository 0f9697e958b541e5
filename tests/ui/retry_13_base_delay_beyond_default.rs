use steadfast::retry;

#[retry(base_delay = "2m")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
