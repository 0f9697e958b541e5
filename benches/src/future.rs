//! Ways of calling an async function.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use backon::Retryable;
use layered::{Execute, Service as _, Stack};
use seatbelt::{RecoveryInfo, ResilienceContext};
use steadfast_benches::{Failure, body, failing, transient};
use tower::Service as _;

#[inline(never)]
pub async fn bare(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
pub async fn by_hand(x: u64) -> Result<u64, Failure> {
    let mut attempt = 0;
    loop {
        match bare(x).await {
            Err(error) if transient(&error) && attempt < 2 => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1) * attempt).await;
    }
}

#[steadfast::retry]
pub async fn annotated(x: u64) -> Result<u64, Failure> {
    bare(x).await
}

#[steadfast::retry(budget = none)]
pub async fn without_budget(x: u64) -> Result<u64, Failure> {
    bare(x).await
}

pub async fn with_tokio_retry(x: u64) -> Result<u64, Failure> {
    let strategy = tokio_retry::strategy::ExponentialBackoff::from_millis(1000).take(2);
    tokio_retry::Retry::start(strategy, || bare(x)).await
}

pub async fn with_backon(x: u64) -> Result<u64, Failure> {
    (|| bare(x)).retry(backon::ExponentialBuilder::default()).when(transient).await
}

fn recovery(outcome: &Result<u64, Failure>) -> RecoveryInfo {
    match outcome {
        Err(error) if transient(error) => RecoveryInfo::retry(),
        _ => RecoveryInfo::never(),
    }
}

/// seatbelt's stack is built once, as its users do.
pub fn seatbelt() -> impl AsyncFn(u64) -> Result<u64, Failure> {
    let context: ResilienceContext<u64, Result<u64, Failure>> =
        ResilienceContext::new(tick::Clock::new_tokio());
    let service = (
        seatbelt::retry::Retry::layer("retry", &context)
            .clone_input()
            .recovery_with(|outcome, _| recovery(outcome)),
        Execute::new(bare),
    )
        .into_service();
    async move |x| service.execute(x).await
}

pub fn tower_resilience() -> impl AsyncFnMut(u64) -> Result<u64, Failure> {
    let layer = tower_resilience_retry::RetryLayer::<u64, u64, Failure>::builder()
        .max_attempts(3)
        .exponential_backoff(Duration::from_secs(1))
        .retry_on(transient)
        .build();
    let mut service = tower::ServiceBuilder::new().layer(layer).service(tower::service_fn(bare));
    async move |x| service.call(x).await
}

#[cfg(feature = "paused")]
#[inline(never)]
pub async fn failures_by_hand(calls: &AtomicU32) -> Result<u32, Failure> {
    let mut attempt = 0;
    loop {
        match async { failing(calls, 3) }.await {
            Err(error) if transient(&error) && attempt < 3 => attempt += 1,
            outcome => return outcome,
        }
        let delay = black_box(Duration::ZERO);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

#[inline(never)]
#[steadfast::retry(budget = none, base_delay = "0s", max_attempts = 4)]
pub async fn failures(calls: &AtomicU32) -> Result<u32, Failure> {
    failing(calls, 3)
}

#[cfg(feature = "paused")]
#[inline(never)]
pub async fn failures_with_tokio_retry(calls: &AtomicU32) -> Result<u32, Failure> {
    let delays = std::iter::repeat_n(Duration::ZERO, 3);
    tokio_retry::Retry::start(delays, || async { failing(calls, 3) }).await
}

#[cfg(feature = "paused")]
fn at_once() -> backon::ConstantBuilder {
    backon::ConstantBuilder::default().with_delay(Duration::ZERO).with_max_times(3)
}

#[cfg(feature = "paused")]
#[inline(never)]
pub async fn failures_with_backon(calls: &AtomicU32) -> Result<u32, Failure> {
    (|| async { failing(calls, 3) }).retry(at_once()).when(transient).await
}

/// backon with a sleeper that skips the timer, which it leaves to its users.
#[cfg(feature = "paused")]
#[inline(never)]
pub async fn failures_with_backon_ready(calls: &AtomicU32) -> Result<u32, Failure> {
    (|| async { failing(calls, 3) })
        .retry(at_once())
        .sleep(|_| std::future::ready(()))
        .when(transient)
        .await
}

/// 16 KiB of state, to see what is added to its future.
async fn large() -> Result<u64, Failure> {
    let state = [0_u8; 16 * 1024];
    std::future::ready(Ok::<_, Infallible>(())).await.ok();
    Ok(u64::from(black_box(&state)[0]))
}

async fn large_by_hand() -> Result<u64, Failure> {
    let mut attempt = 0;
    loop {
        match large().await {
            Err(error) if transient(&error) && attempt < 2 => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1) * attempt).await;
    }
}

#[steadfast::retry]
async fn large_annotated() -> Result<u64, Failure> {
    let state = [0_u8; 16 * 1024];
    std::future::ready(Ok::<_, Infallible>(())).await.ok();
    Ok(u64::from(black_box(&state)[0]))
}

#[steadfast::retry]
#[steadfast::circuit_breaker(name = "large")]
async fn large_behind_breaker() -> Result<u64, Failure> {
    let state = [0_u8; 16 * 1024];
    std::future::ready(Ok::<_, Infallible>(())).await.ok();
    Ok(u64::from(black_box(&state)[0]))
}

/// Bytes that each way adds to a future of 16 KiB.
pub fn growth() -> Vec<(&'static str, usize)> {
    let bare = size_of_val(&large());
    let delays = || tokio_retry::strategy::ExponentialBackoff::from_millis(1000).take(2);
    let tokio_retry = async { tokio_retry::Retry::start(delays(), large).await };
    let backon = async { large.retry(backon::ExponentialBuilder::default()).when(transient).await };
    [
        ("by hand", size_of_val(&large_by_hand())),
        ("#[retry]", size_of_val(&large_annotated())),
        ("#[retry] #[circuit_breaker]", size_of_val(&large_behind_breaker())),
        ("tokio-retry", size_of_val(&tokio_retry)),
        ("backon", size_of_val(&backon)),
    ]
    .map(|(way, size)| (way, size - bare))
    .into()
}
