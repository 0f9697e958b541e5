//! Idempotent calls by hand, for tests that need settings of their own: what the attribute expands to.

use std::future::Future;
use std::io::{self, ErrorKind};

use steadfast::__private::{Ended, Key, Replay, Spec, run, run_blocking};
use steadfast::Classify;
use steadfast::idempotency::{IdempotencyError, IdempotencyStore};

/// A failure of the body, or of what is around it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The body's own.
    Own(ErrorKind),
    /// There is no answer.
    Idempotency(IdempotencyError),
}

/// One call of `spec` with a key that is `id`.
pub(crate) async fn call<S, F>(
    spec: &'static Spec,
    store: &S,
    id: &str,
    body: F,
) -> Result<u64, Failure>
where
    S: IdempotencyStore,
    F: Future<Output = Result<u64, ErrorKind>>,
{
    let body = async { ended(body.await) };
    run(spec, store, key(id), None, Replay::values(), body)
        .await
        .unwrap_or_else(|error| Err(Failure::Idempotency(error)))
}

/// The same with a synchronous body.
pub(crate) fn call_blocking<S: IdempotencyStore>(
    spec: &'static Spec,
    store: &S,
    id: &str,
    body: impl FnOnce() -> Result<u64, ErrorKind>,
) -> Result<u64, Failure> {
    run_blocking(spec, store, &key(id), None, Replay::values(), || ended(body()))
        .unwrap_or_else(|error| Err(Failure::Idempotency(error)))
}

fn key(id: &str) -> Key {
    Key::new().literal("order_").part(&id)
}

fn ended(outcome: Result<u64, ErrorKind>) -> Ended<Result<u64, Failure>> {
    let class = outcome.as_ref().err().map(|kind| io::Error::from(*kind).classify());
    Ended::new(outcome.map_err(Failure::Own), class)
}
