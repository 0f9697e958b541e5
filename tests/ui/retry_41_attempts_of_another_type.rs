use steadfast::retry;

const ATTEMPTS: usize = 3;

#[retry(max_attempts = ATTEMPTS)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
