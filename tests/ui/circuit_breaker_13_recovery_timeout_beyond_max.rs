use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", recovery_timeout = "2m", recovery_factor = 2, max_recovery_timeout = "60s")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
