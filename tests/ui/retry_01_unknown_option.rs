use steadfast::retry;

#[retry(max_atempts = 3)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
