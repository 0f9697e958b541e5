use steadfast::{circuit_breaker, idempotent, retry};

#[idempotent(key = "order_{order}", ttl = "5s")]
#[retry(max_attempts = 0, deadline = "1m", base_delay = 100)]
#[circuit_breaker(failure_rate = 50, half_open_requests = 0)]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
