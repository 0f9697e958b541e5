use steadfast::{idempotent, retry};

#[idempotent(key = "order_{order_id}", replay = "keyed", context = attempt)]
#[retry(context = this)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
