use steadfast::retry;

#[retry(max_attempts = N)]
fn fetch<const N: u32>() -> std::io::Result<u32> {
    Ok(N)
}

fn main() {
    let _ = fetch::<0>();
}
