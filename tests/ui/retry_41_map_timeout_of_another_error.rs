use steadfast::retry;

#[retry(attempt_timeout = "1s", map_timeout = |_| std::fmt::Error)]
async fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
