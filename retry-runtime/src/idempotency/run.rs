//! What generated code calls around a body: with `replay`, the only part that knows its types.

use std::future::{Future, Ready};
use std::pin::pin;

use super::call::{Begun, Call};
use super::error::IdempotencyError;
use super::events::result;
use super::fingerprint::Fingerprint;
use super::library;
use super::name;
use super::replay::{Ended, Reconciled, Replay};
use super::spec::{Spec, UnknownPolicy};
use super::store::{IdempotencyStore, StoreError, StoreErrorKind};
use crate::idempotency_key::IdempotencyKey;
use crate::key::Key;
use crate::outcome::Outcome;
use crate::testing;

async fn drive<R, F, A, Q>(
    call: &Call<'_>,
    replay: Replay<R>,
    ask: Option<(IdempotencyKey, A)>,
    body: F,
) -> Result<R, IdempotencyError>
where
    R: Outcome,
    F: Future<Output = Ended<R>>,
    A: FnOnce(IdempotencyKey) -> Q,
    Q: Future<Output = Reconciled<R::Value>>,
{
    let mut held = match Box::pin(call.begin()).await? {
        Begun::Answer { bytes, how } => return replay.load(call, &bytes, how),
        Begun::Run(held) => held,
    };
    if held.was_unknown
        && let Some((key, ask)) = ask
    {
        let found = {
            // Made inside the work, so that a panic of it is one of the work.
            let asking = pin!(async move { ask(key).await });
            held.during(asking).await?
        };
        if let Some((ending, told, outcome)) = replay.found(call, found) {
            let fence = held.fence();
            Box::pin(held.settle(ending, told)).await?;
            return outcome.map_or_else(|| call.refused(IdempotencyError::Unknown { fence }), Ok);
        }
    }
    let mut ended = {
        let body = pin!(body);
        held.during(body).await?
    };
    let ending = replay.ending(call, &mut ended);
    Box::pin(held.settle(ending, result::RAN)).await?;
    Ok(ended.outcome)
}

/// The type of a function that finds out where there is none.
type Nobody<R> = fn(IdempotencyKey) -> Ready<Reconciled<<R as Outcome>::Value>>;

/// Runs `body`, or answers as it did before. The body is not polled unless this call owns the key.
///
/// # Errors
///
/// [`IdempotencyError`] where there is neither an answer of the body nor a stored one.
///
/// # Cancellation
///
/// Dropped before the body was polled, nothing has happened. Dropped later, the record is unknown: at
/// once in memory, elsewhere when the lease ends, which is not renewed any more.
pub async fn run<R, F>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    body: F,
) -> Result<R, IdempotencyError>
where
    R: Outcome,
    F: Future<Output = Ended<R>>,
{
    let call = Call::new(spec, store, &key, fingerprint)?;
    drive(&call, replay, None::<(_, Nobody<R>)>, body).await
}

/// [`run`] with a function that finds out what became of an unknown record, asked while the claim is
/// held.
///
/// # Errors
///
/// As [`run`].
pub async fn run_reconciled<R, F, A, Q>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    reconcile: A,
    body: F,
) -> Result<R, IdempotencyError>
where
    R: Outcome,
    F: Future<Output = Ended<R>>,
    A: FnOnce(IdempotencyKey) -> Q,
    Q: Future<Output = Reconciled<R::Value>>,
{
    debug_assert!(
        spec.on_unknown == UnknownPolicy::Reconcile,
        "`reconcile_unknown()` was not said"
    );
    let call = Call::new(spec, store, &key, fingerprint)?;
    let ask = (name::handed(&name::full(spec.scope, &key)), reconcile);
    drive(&call, replay, Some(ask), body).await
}

/// [`run`] in a task of its own: dropping the caller leaves it running, `on_drop = "detach"`.
///
/// It needs a store with a [`handle`](IdempotencyStore::handle), and runs on the runtime at hand, else
/// on the library's thread.
///
/// # Errors
///
/// As [`run`]; also where the store has no handle.
///
/// # Panics
///
/// As the body does.
pub async fn run_detached<R, F>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    body: F,
) -> Result<R, IdempotencyError>
where
    R: Outcome + Send + 'static,
    F: Future<Output = Ended<R>> + Send + 'static,
    R::Value: Send,
{
    let store = detachable(spec, store, &key)?;
    detach(async move { run(spec, &*store, key, fingerprint, replay, body).await }).await
}

/// [`run_reconciled`] in a task of its own, as [`run_detached`].
///
/// # Errors
///
/// As [`run_detached`].
///
/// # Panics
///
/// As the body does.
pub async fn run_detached_reconciled<R, F, A, Q>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    reconcile: A,
    body: F,
) -> Result<R, IdempotencyError>
where
    R: Outcome + Send + 'static,
    F: Future<Output = Ended<R>> + Send + 'static,
    A: FnOnce(IdempotencyKey) -> Q + Send + 'static,
    Q: Future<Output = Reconciled<R::Value>> + Send + 'static,
    R::Value: Send,
{
    let store = detachable(spec, store, &key)?;
    detach(async move {
        run_reconciled(spec, &*store, key, fingerprint, replay, reconcile, body).await
    })
    .await
}

/// The store as a task can keep it. A call of its own key is found out here: the task is not inside.
fn detachable(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: &Key,
) -> Result<std::sync::Arc<dyn IdempotencyStore>, IdempotencyError> {
    let call = Call::new(spec, store, key, None)?;
    match store.handle() {
        Some(store) => Ok(store),
        None => call.refused(IdempotencyError::StoreUnavailable(StoreError::new(
            StoreErrorKind::Refused,
            "`on_drop = \"detach\"` needs a store that a task can keep: hand it an `Arc` of the store",
        ))),
    }
}

async fn detach<R: Send + 'static>(
    work: impl Future<Output = Result<R, IdempotencyError>> + Send + 'static,
) -> Result<R, IdempotencyError> {
    use tracing::Instrument;
    let work = testing::inherited(work.in_current_span());
    let task = match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn(work),
        Err(_) => library::handle().spawn(work),
    };
    match task.await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime shut down, and the record says so.
            Err(_) => Err(IdempotencyError::Unknown { fence: 0 }),
        },
    }
}

/// [`run`] for a synchronous body: it runs on the caller's thread, which waits for the store without
/// being in anybody's way but its own, and the claim is renewed on the library's thread. A body that
/// cannot be cut off runs to its end when the claim is lost.
///
/// # Errors
///
/// As [`run`].
pub fn run_blocking<R>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: &Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    body: impl FnOnce() -> Ended<R>,
) -> Result<R, IdempotencyError>
where
    R: Outcome,
{
    let ask = None::<(IdempotencyKey, fn(IdempotencyKey) -> Reconciled<R::Value>)>;
    drive_blocking(&Call::new(spec, store, key, fingerprint)?, replay, ask, body)
}

/// [`run_blocking`] with a synchronous function that finds out what became of an unknown record.
///
/// # Errors
///
/// As [`run`].
pub fn run_blocking_reconciled<R>(
    spec: &'static Spec,
    store: &dyn IdempotencyStore,
    key: &Key,
    fingerprint: Option<Fingerprint>,
    replay: Replay<R>,
    reconcile: impl FnOnce(IdempotencyKey) -> Reconciled<R::Value>,
    body: impl FnOnce() -> Ended<R>,
) -> Result<R, IdempotencyError>
where
    R: Outcome,
{
    let ask = (name::handed(&name::full(spec.scope, key)), reconcile);
    drive_blocking(&Call::new(spec, store, key, fingerprint)?, replay, Some(ask), body)
}

fn drive_blocking<R: Outcome>(
    call: &Call<'_>,
    replay: Replay<R>,
    ask: Option<(IdempotencyKey, impl FnOnce(IdempotencyKey) -> Reconciled<R::Value>)>,
    body: impl FnOnce() -> Ended<R>,
) -> Result<R, IdempotencyError> {
    let mut held = match library::block_on(call.begin())? {
        Begun::Answer { bytes, how } => return replay.load(call, &bytes, how),
        Begun::Run(held) => held,
    };
    if held.was_unknown
        && let Some((key, ask)) = ask
    {
        let found = held.during_blocking(|| ask(key));
        if let Some((ending, told, outcome)) = replay.found(call, found) {
            let fence = held.fence();
            library::block_on(held.settle(ending, told))?;
            return outcome.map_or_else(|| call.refused(IdempotencyError::Unknown { fence }), Ok);
        }
    }
    let mut ended = held.during_blocking(body);
    let ending = replay.ending(call, &mut ended);
    library::block_on(held.settle(ending, result::RAN))?;
    Ok(ended.outcome)
}
