use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", when = "is_transient")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
