use steadfast::retry;

#[retry(base_delay = "30s", max_delay = "5s")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
