use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", recovery_factor = 2, max_recovery_timeout = "10s")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
