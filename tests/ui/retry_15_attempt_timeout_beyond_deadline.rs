use steadfast::retry;

#[retry(attempt_timeout = "30s", deadline = "5s")]
async fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
