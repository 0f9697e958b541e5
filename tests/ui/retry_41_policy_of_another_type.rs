use steadfast::retry;

static POLICY: u32 = 3;

#[retry(policy = POLICY)]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
