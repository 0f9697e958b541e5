use steadfast::retry;

#[retry(context = attempt)]
fn fetch(attempt: u32) -> std::io::Result<u32> {
    Ok(attempt)
}

fn main() {
    let _ = fetch(1);
}
