//! Ways of calling a synchronous function.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use backon::BlockingRetryable;
use steadfast_benches::{Failure, body, failing, transient};

#[inline(never)]
pub fn bare(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
pub fn by_hand(x: u64) -> Result<u64, Failure> {
    let mut attempt = 0;
    loop {
        match body(x) {
            Err(error) if transient(&error) && attempt < 2 => {
                attempt += 1;
                std::thread::sleep(Duration::from_secs(1) * attempt);
            }
            outcome => return outcome,
        }
    }
}

#[inline(never)]
#[steadfast::retry]
pub fn annotated(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
#[steadfast::retry(budget = none)]
pub fn without_budget(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
pub fn with_retry(x: u64) -> Result<u64, Failure> {
    retry::retry(retry::delay::Fixed::from_millis(1000).take(2), || body(x))
        .map_err(|error| error.error)
}

#[inline(never)]
pub fn with_backon(x: u64) -> Result<u64, Failure> {
    (|| body(x)).retry(backon::ExponentialBuilder::default()).when(transient).call()
}

#[inline(never)]
pub fn failures_by_hand(calls: &AtomicU32) -> Result<u32, Failure> {
    let mut attempt = 0;
    loop {
        match failing(calls, 3) {
            Err(error) if transient(&error) && attempt < 3 => attempt += 1,
            outcome => return outcome,
        }
    }
}

#[inline(never)]
#[steadfast::retry(budget = none, base_delay = "0s", max_attempts = 4)]
pub fn failures(calls: &AtomicU32) -> Result<u32, Failure> {
    failing(calls, 3)
}

#[inline(never)]
pub fn failures_with_retry(calls: &AtomicU32) -> Result<u32, Failure> {
    retry::retry(retry::delay::NoDelay.take(3), || failing(calls, 3)).map_err(|error| error.error)
}

#[inline(never)]
pub fn failures_with_backon(calls: &AtomicU32) -> Result<u32, Failure> {
    let delays = backon::ConstantBuilder::default().with_delay(Duration::ZERO).with_max_times(3);
    (|| failing(calls, 3)).retry(delays).when(transient).call()
}
