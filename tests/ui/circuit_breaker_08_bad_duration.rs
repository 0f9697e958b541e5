use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", recovery_timeout = "soon")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
