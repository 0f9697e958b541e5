use steadfast::{idempotent, retry};

#[idempotent(key = "order_{order_id}")]
#[retry(max_attempts = 4)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
