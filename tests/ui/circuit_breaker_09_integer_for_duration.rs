use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", slow_call = 2)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
