//! A breaker around a call without an attribute.

use std::pin::pin;

use super::{CircuitBreaker, CircuitOpen};
use crate::drivers::sleep::timer;

impl CircuitBreaker {
    /// Calls `body` if the circuit lets it. Every error counts as a failure; a panic goes through
    /// and gives the permit back.
    ///
    /// # Errors
    ///
    /// The body's, or [`CircuitOpen`] turned into one.
    pub fn call<T, E: From<CircuitOpen>>(
        &self,
        body: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let permit = self.try_acquire()?;
        let result = body();
        match &result {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        result
    }

    /// [`call`](Self::call) for an async body. A call that is slow is counted while it still runs.
    ///
    /// ```
    /// # use retry_runtime::breaker::{CircuitBreaker, CircuitOpen};
    /// # #[derive(Debug)] struct Down;
    /// # impl From<CircuitOpen> for Down { fn from(_: CircuitOpen) -> Self { Down } }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// static B: CircuitBreaker = CircuitBreaker::new("docs-call-async").failure_threshold(1);
    /// assert!(B.call_async(async || Err::<(), _>(Down)).await.is_err());
    /// assert!(B.call_async(async || -> Result<(), Down> { unreachable!() }).await.is_err());
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// The body's, or [`CircuitOpen`] turned into one.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the permit back: uncounted, or as a slow call if it is older than
    /// `slow_call`.
    pub async fn call_async<T, E: From<CircuitOpen>>(
        &self,
        body: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut permit = self.try_acquire()?;
        let result = permit.watch(pin!(body()), timer).await;
        match &result {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        result
    }
}
