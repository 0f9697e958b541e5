use steadfast::retry;

#[retry(jitter = 1.5)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
