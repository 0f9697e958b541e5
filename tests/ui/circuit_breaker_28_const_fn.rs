use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments")]
const fn charge(order_id: u64) -> Option<u64> {
    Some(order_id)
}

fn main() {
    let _ = charge(1);
}
