use steadfast::circuit_breaker;

#[circuit_breaker(
    name = "",
    failure_rate = 50,
    window = 10,
    minimum_calls = 20,
    recovery_timeout = 30,
    half_open_requests = 0,
    slow_call_rate = 0.5,
    key = "{host}",
    retries = 3,
)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
