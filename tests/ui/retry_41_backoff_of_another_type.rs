use steadfast::retry;

static BACKOFF: u32 = 3;

#[retry(backoff = BACKOFF)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
