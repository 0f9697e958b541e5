//! Allocations of a call: `heap` prints those of a success at once, and of each retry, for every way.

use std::alloc::System;
use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use backon::Retryable;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use steadfast_benches::{Failure, failing, paused, transient};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 1000;
const DELAY: Duration = Duration::from_millis(10);

async fn bare(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

async fn by_hand(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    let mut attempt = 0;
    loop {
        match bare(calls, times).await {
            Err(error) if transient(&error) && attempt < 2 => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(DELAY).await;
    }
}

#[steadfast::retry(base_delay = "10ms")]
async fn annotated(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

#[steadfast::retry(budget = none, base_delay = "10ms")]
async fn without_budget(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

#[steadfast::retry(budget = none, base_delay = "0s")]
async fn at_once(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

#[steadfast::retry]
#[steadfast::circuit_breaker(name = "heap")]
async fn behind_breaker(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

#[steadfast::retry(budget = none, base_delay = "0s")]
fn blocking(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    failing(calls, times)
}

async fn with_tokio_retry(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    let delays = tokio_retry::strategy::FixedInterval::new(DELAY).take(2);
    tokio_retry::Retry::start(delays, || bare(calls, times)).await
}

async fn with_backon(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    let delays = backon::ConstantBuilder::default().with_delay(DELAY).with_max_times(2);
    (|| bare(calls, times)).retry(delays).when(transient).await
}

/// Allocations a call of `CALLS` that fail so many times before they succeed.
async fn allocations(
    call: &impl AsyncFn(&AtomicU32, u32) -> Result<u32, Failure>,
    times: u32,
) -> f64 {
    let counter = AtomicU32::new(0);
    // What is made once is not of this call.
    assert!(call(&counter, times).await.is_ok());
    let region = Region::new(HEAP);
    for _ in 0..CALLS {
        assert!(black_box(call(&counter, times).await).is_ok());
    }
    region.change().allocations as f64 / CALLS as f64
}

async fn row(
    name: &str,
    retries: bool,
    call: impl AsyncFn(&AtomicU32, u32) -> Result<u32, Failure>,
) {
    let success = allocations(&call, 0).await;
    if retries {
        let retry = (allocations(&call, 2).await - success) / 2.0;
        println!("{name:<28} {success:>8} {retry:>8}");
    } else {
        println!("{name:<28} {success:>8} {:>8}", "-");
    }
}

fn main() {
    println!("{:<28} {:>8} {:>8}", "allocations", "success", "a retry");
    paused().block_on(async {
        row("by hand", true, by_hand).await;
        // Its budget would refuse most of these retries.
        row("everything on", false, annotated).await;
        row("budget = none", true, without_budget).await;
        row("delays of zero", true, at_once).await;
        row("behind a circuit breaker", false, behind_breaker).await;
        row("sync, delays of zero", true, async |calls, times| blocking(calls, times)).await;
        row("tokio-retry", true, with_tokio_retry).await;
        row("backon", true, with_backon).await;
    });
}
