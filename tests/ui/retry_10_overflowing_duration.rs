use steadfast::retry;

#[retry(max_delay = "99999999999999999999h")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
