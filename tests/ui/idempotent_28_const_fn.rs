use steadfast::idempotent;

#[idempotent(key = "order_{order_id}", ttl = "1h")]
const fn charge(order_id: u64) -> Option<u64> {
    Some(order_id)
}

fn main() {
    let _ = charge(1);
}
