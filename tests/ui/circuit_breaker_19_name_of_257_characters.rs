use steadfast::circuit_breaker;

#[circuit_breaker(name = "payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payments-payme")]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
