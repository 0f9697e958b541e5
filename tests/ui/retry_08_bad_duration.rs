use steadfast::retry;

#[retry(base_delay = "fast")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
