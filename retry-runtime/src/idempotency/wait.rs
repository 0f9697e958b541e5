//! How long a store, an owner and a next try are waited for.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::library;
use super::store::{StoreError, StoreErrorKind, StoreFuture};
use crate::testing;

/// The longest that one operation of a store is waited for.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// The longest pause between two looks at the claim of another process.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What one operation of a store may take: an owner that waits for longer could lose its lease.
pub(super) fn store_limit(lease: Duration) -> Duration {
    STORE_LIMIT.min(lease / 3)
}

/// Waits for a future, but not for longer than `limit`. Reads no clock if it answers at once.
pub(super) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let timer = timer.get_or_insert_with(|| library::timer(limit));
        pin!(timer).poll(cx).map(|()| None)
    })
    .await
}

/// The answer of a store in bounded time.
pub(super) async fn bounded<T>(
    limit: Duration,
    operation: StoreFuture<'_, T>,
) -> Result<T, StoreError> {
    within(limit, operation).await.unwrap_or_else(|| {
        Err(StoreError::new(
            StoreErrorKind::Unavailable,
            format!("the store did not answer within {limit:?}"),
        ))
    })
}

/// A delay: in a test scope it passes without waiting.
pub(super) async fn pause(delay: Duration) {
    if delay.is_zero() || testing::skip_sleep(delay) {
        return;
    }
    library::timer(delay).await;
}

/// The pause before the look number `look` at another's claim: between half and all of a delay that
/// doubles, so that many who wait do not look at once.
pub(super) fn look_after(look: u32, random: u64) -> Duration {
    let delay = Duration::from_millis(20).saturating_mul(1 << look.min(10)).min(LONGEST_PAUSE);
    let half = delay / 2;
    #[expect(clippy::cast_possible_truncation, reason = "half a second in nanoseconds")]
    let span = half.as_nanos() as u64 + 1;
    half + Duration::from_nanos(random % span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_slower_and_never_at_once() {
        for look in [0, 1, 5, 40, u32::MAX] {
            for random in [0, 1, u64::MAX / 2, u64::MAX] {
                let pause = look_after(look, random);
                assert!(pause >= Duration::from_millis(10) && pause <= LONGEST_PAUSE, "{pause:?}");
            }
        }
        assert!(look_after(0, u64::MAX) < look_after(5, 0));
    }
}
