use steadfast::idempotent;

#[idempotent(key = "order_{order_id}", scope = "pay\u{7}ments")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
