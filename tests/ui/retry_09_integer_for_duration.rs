use steadfast::retry;

#[retry(base_delay = 100)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
