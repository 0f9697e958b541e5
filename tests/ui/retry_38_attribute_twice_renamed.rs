use steadfast::retry;
use steadfast::retry as again;

#[retry(max_attempts = 2)]
#[again(base_delay = "2s")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
