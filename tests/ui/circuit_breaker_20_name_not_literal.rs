use steadfast::circuit_breaker;

const NAME: &str = "payments";

#[circuit_breaker(name = NAME)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
