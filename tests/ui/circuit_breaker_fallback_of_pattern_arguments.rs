use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", fallback = cached)]
fn charge((order_id, shop): (u64, u64)) -> std::io::Result<u64> {
    Ok(order_id + shop)
}

fn cached((order_id, _): (u64, u64)) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge((1, 2));
    let _ = cached((1, 2));
}
