use steadfast::{idempotent, retry};

#[idempotent(key = "order_{order_id}", ttl = "10s", replay = "unsent")]
#[retry(max_attempts = 4, attempt_timeout = "5s")]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
