use steadfast::{circuit_breaker, retry};

#[retry(deadline = "5s")]
#[circuit_breaker(name = "payments", slow_call = "6s", per = "call")]
async fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
