use steadfast::{circuit_breaker, retry};

#[retry]
#[circuit_breaker(failure_threshold = 3)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
