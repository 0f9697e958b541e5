#[circuit_breaker(name = "payments", failure_rate = 0.5, window = "10s", minimum_calls = 20, slow_call = "2s", slow_call_rate = 1, recovery_factor = 2, half_open_requests = 3, key = "{host}", max_keys = 10, fallback = cached, ignore = [Cancelled], when = |e| e.is_transient())]
pub(crate) fn charge(self: Arc<Self>, host: String) -> Option<u64> { let x = 1; None }
