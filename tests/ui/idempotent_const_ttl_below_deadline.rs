use steadfast::{idempotent, retry};

const TTL: std::time::Duration = std::time::Duration::from_secs(30);

#[idempotent(key = "order_{order_id}", ttl = TTL, replay = "unsent", map_error = std::io::Error::other)]
#[retry(deadline = "60s")]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
