use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", window = 100)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
