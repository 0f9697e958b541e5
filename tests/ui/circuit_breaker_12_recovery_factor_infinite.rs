use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", recovery_factor = f64::INFINITY)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
