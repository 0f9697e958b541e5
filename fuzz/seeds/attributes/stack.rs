#[idempotent(key = "order_{order_id}_{type}", ttl = "24h", store = store, fingerprint(amount), lease = "30s", wait = "0s", replay = "keyed", on_unknown = "rerun", on_store_down = "run", on_drop = "detach", on_lease_lost = "continue", scope = "s", version = 2, record_errors = true)]
#[steadfast::retry(max_attempts = 4, deadline = "10s", context = attempt)]
#[circuit_breaker(PAYMENTS, per = "call")]
async fn charge(store: &Store, order_id: u64, r#type: u8, amount: Money) -> Result<Receipt, Error> { api.charge(amount, attempt.idempotency_key()).await }
