use steadfast::retry;

#[retry(budget(tokens_per_secnd = 10, max_tokens = 50))]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
