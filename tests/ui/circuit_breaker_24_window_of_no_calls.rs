use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", failure_rate = 0.5, window = 0)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
