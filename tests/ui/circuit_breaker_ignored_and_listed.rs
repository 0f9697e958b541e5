use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments", on = [std::fmt::Error, std::io::Error], ignore = [std::io::Error])]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
