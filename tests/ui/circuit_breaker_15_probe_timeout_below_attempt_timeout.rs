use steadfast::{circuit_breaker, retry};

#[retry(attempt_timeout = "5s")]
#[circuit_breaker(name = "payments", probe_timeout = "4s")]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
