use steadfast::{circuit_breaker, idempotent, retry};

#[circuit_breaker(name = "payments")]
#[retry(max_attempts = 4)]
#[idempotent(key = "order_{order_id}", replay = "keyed")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
