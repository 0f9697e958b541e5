use steadfast::retry;

#[retry(on = [TimeoutError])]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
