use steadfast::{idempotent, retry};

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);

#[idempotent(key = "order_{order_id}", ttl = "30s", replay = "unsent", map_error = std::io::Error::other)]
#[retry(deadline = DEADLINE)]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
