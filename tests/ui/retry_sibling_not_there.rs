use steadfast::retry;

#[retry]
#[circuit_breaker(name = "payments")]
fn fetch() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {
    let _ = fetch();
}
