use steadfast::idempotent;

#[idempotent(key = "order_{order_id}")]
fn charge(order_id: u64) -> u64 {
    order_id
}

fn main() {
    let _ = charge(1);
}
