//! Facts that the test suites of other libraries state, as tables: budgets (D), schedules (E), and
//! calls (F). Where this library has another formula, the row says which and why, and what of it
//! holds here is tested.
//!
//! Sources by the letters of each row: FI Finagle, UT twitter/util, GR grpc-java, AW botocore, SM
//! smithy-rs, PO Polly, R4 resilience4j, EN Envoy, SP Spring, TE tenacity, CE cenkalti/backoff, LI
//! litl/backoff, FG failsafe-go, TW tower, A6 gRFC A6, LK linkerd2-proxy.

mod budgets;
mod calls;
mod schedules;

use std::time::Duration;

use steadfast::{Jitter, RetryPolicy};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The policy without jitter.
fn policy(base: Duration, factor: f64, cap: Duration) -> RetryPolicy {
    RetryPolicy::new().base_delay(base).factor(factor).max_delay(cap).jitter(Jitter::None)
}

/// The delays of the first retries, with the largest random numbers.
fn schedule(policy: &RetryPolicy, retries: u32) -> Vec<Duration> {
    let mut previous = Duration::ZERO;
    (1..=retries)
        .map(|retry| {
            previous = policy.delay(retry, previous, u64::MAX);
            previous
        })
        .collect()
}
