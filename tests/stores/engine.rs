//! Idempotent calls by hand, for tests that need settings of their own: what the attribute expands to.

use std::future::Future;

use steadfast::__private::{Ended, Key, Replay, Spec, run};
use steadfast::Classify;
use steadfast::idempotency::{IdempotencyError, IdempotencyStore};

/// A failure of the body, or of what is around it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The body's own.
    Own(std::io::ErrorKind),
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
    F: Future<Output = Result<u64, std::io::ErrorKind>>,
{
    let key = Key::new().literal("order_").part(&id);
    let replay: Replay<Result<u64, Failure>> = Replay::values();
    let ended = async {
        let outcome = body.await;
        let class = outcome.as_ref().err().map(|kind| std::io::Error::from(*kind).classify());
        Ended::new(outcome.map_err(Failure::Own), class)
    };
    run(spec, store, key, None, replay, ended)
        .await
        .unwrap_or_else(|error| Err(Failure::Idempotency(error)))
}
