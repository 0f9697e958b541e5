use steadfast::{idempotent, retry};

#[idempotent(key = "order_{order_id}", replay = "keyed")]
#[retry(when_value = |id: &u64| *id == 0)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
