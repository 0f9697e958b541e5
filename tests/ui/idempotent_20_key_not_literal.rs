use steadfast::idempotent;

const KEY: &str = "order_{order_id}";

#[idempotent(key = KEY)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
