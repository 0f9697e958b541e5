use steadfast::idempotent;

#[idempotent(
    key = "{order}",
    ttl = 24,
    lease = "0s",
    fingerprint(amount),
    on_store_down = "ignore",
    retention = "1h",
)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
