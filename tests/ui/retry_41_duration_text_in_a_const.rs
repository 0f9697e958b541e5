use steadfast::retry;

const DELAY: &str = "100ms";

#[retry(base_delay = DELAY)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
