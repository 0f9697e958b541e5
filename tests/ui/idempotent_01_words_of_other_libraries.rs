use steadfast::idempotent;

#[idempotent(
    idempotency_key = "order_{order_id}",
    expires_in = 3600,
    ttl_seconds = 86400,
    lock_timeout = 30,
    persistence_store = dynamo,
    namespace = "payments",
    payload_validation_jmespath = "amount",
    on_conflict = "wait",
    max_retries = 3,
    use_local_cache = true,
    failOpen = true,
)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
