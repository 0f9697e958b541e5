use steadfast::{idempotent, retry};

#[idempotent(key = "order_{order_id}", ttl = "30s", replay = "unsent")]
#[retry(deadline = "60s")]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
