use steadfast::retry;

#[retry(classify = |_| true)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
