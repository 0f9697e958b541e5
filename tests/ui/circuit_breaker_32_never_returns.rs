use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments")]
fn charge(order_id: u64) -> ! {
    panic!("{order_id}")
}

fn main() {
    charge(1);
}
