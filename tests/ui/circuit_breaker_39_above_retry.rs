use steadfast::{circuit_breaker, retry};

#[circuit_breaker(name = "payments")]
#[retry(max_attempts = 2)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
