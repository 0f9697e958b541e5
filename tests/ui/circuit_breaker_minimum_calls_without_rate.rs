use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", minimum_calls = 10)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
