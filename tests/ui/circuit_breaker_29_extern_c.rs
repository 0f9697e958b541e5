use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments")]
extern "C" fn charge(order_id: u64) -> u64 {
    order_id
}

fn main() {
    let _ = charge(1);
}
