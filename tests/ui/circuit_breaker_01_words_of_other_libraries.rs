use steadfast::circuit_breaker;

#[circuit_breaker(
    name = "payments",
    failureRateThreshold = 50,
    slidingWindowSize = 100,
    minimumNumberOfCalls = 20,
    waitDurationInOpenState = 5000,
    permittedNumberOfCallsInHalfOpenState = 3,
    FailureRatio = 0.1,
    SamplingDuration = Duration::from_secs(30),
    MinimumThroughput = 8,
    BreakDuration = 5,
    ReadyToTrip = |counts| counts.consecutive_failures > 5,
    MaxRequests = 2,
    fail_max = 5,
    reset_timeout = 60,
    requestVolumeThreshold = 20,
    sleepWindowInMilliseconds = 5000,
    ignoreExceptions = NotFound,
    fallbackMethod = cached,
    onStateChange = log,
)]
fn charge(order_id: u64) -> std::io::Result<u64> {
    Ok(order_id)
}

fn main() {
    let _ = charge(1);
}
