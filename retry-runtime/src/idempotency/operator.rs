//! The operator's handles: what is unknown, deciding about it, sweeping, and what a store must give.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::envelope::{self, Kind, Storable};
use super::error::IdempotencyError;
use super::library;
use super::name;
use super::spec::Spec;
use super::store::{
    Guarantees, IdempotencyStore, Record, Resolution, StoreError, StoreErrorKind, Written,
};
use crate::key::Key;

/// The records of a store as an operator sees and decides about them.
///
/// ```
/// use std::sync::Arc;
/// use retry_runtime::idempotency::{
///     ClaimRequest, Claimed, IdempotencyStore, MemoryStore, Operator, Owner,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// # let Claimed::Owned { claim, .. } = store.claim(ClaimRequest::new("order_{7}", Owner(1))).await? else { panic!() };
/// # store.mark_unknown("order_{7}", claim, "timeout: no answer").await?;
/// let operator = Operator::of(&store);
/// for record in operator.unknowns(None, 100).await? {
///     // The payment service was asked, and has a receipt.
///     operator.resolve_done(&record, 0, &"receipt 12".to_owned()).await?;
/// }
/// assert!(operator.unknowns(None, 100).await?.is_empty());
/// # Ok::<(), retry_runtime::idempotency::StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    store: &'a dyn IdempotencyStore,
}

impl fmt::Debug for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("store", &self.store.name()).finish()
    }
}

impl<'a> Operator<'a> {
    /// For this store; an `Arc<dyn IdempotencyStore>` is one, too.
    #[must_use]
    pub fn of<S: IdempotencyStore>(store: &'a S) -> Self {
        Self { store }
    }

    /// Unknown records, at most `most`, in the order of their keys, those behind the key `after`.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub async fn unknowns(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.unknowns(after, most).await
    }

    /// The record of a stored key, as [`Record::key`] has it.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub async fn peek(&self, key: &str) -> Result<Option<Record>, StoreError> {
        self.store.peek(key).await
    }

    /// Decides that the effect of an unknown record happened, with this answer: later calls get it.
    /// `version` is that of the function, 0 unless it says otherwise.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked, or the answer cannot be stored.
    pub async fn resolve_done<T: Storable>(
        &self,
        record: &Record,
        version: u32,
        answer: &T,
    ) -> Result<Written, StoreError> {
        let bytes = envelope::store(Kind::Value, version, answer)
            .map_err(|why| StoreError::new(StoreErrorKind::Refused, why))?;
        self.store.resolve(&record.key, record.fence, Resolution::Done(bytes)).await
    }

    /// Decides that the effect of an unknown record did not happen: the next call runs.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub async fn resolve_not_done(&self, record: &Record) -> Result<Written, StoreError> {
        self.store.resolve(&record.key, record.fence, Resolution::NotDone).await
    }

    /// The answer of a done record as the function would read it.
    ///
    /// # Errors
    ///
    /// [`IdempotencyError::Corrupt`] and [`IdempotencyError::Incompatible`] as the function,
    /// [`IdempotencyError::ResultNotStored`] where there is no answer.
    pub fn answer<T: Storable>(record: &Record, version: u32) -> Result<T, IdempotencyError> {
        let bytes = record.value.as_deref().ok_or(IdempotencyError::ResultNotStored)?;
        match envelope::open(version, bytes)? {
            (Kind::Value, body) => envelope::read(body),
            (Kind::Error, _) => Err(IdempotencyError::Incompatible("it is a stored error".into())),
            (Kind::NotStored, _) => Err(IdempotencyError::ResultNotStored),
        }
    }
}

impl Spec {
    /// The key that the store is given: for an operator who has the arguments.
    #[must_use]
    pub fn stored_key(&self, key: &Key) -> String {
        name::stored(name::full(self.scope, key)).as_ref().to_owned()
    }
}

/// Forgets what has expired, every `interval`, for as long as the future is polled: spawn it. What a
/// sweep could not do is left to the next one.
///
/// ```no_run
/// # use std::time::Duration;
/// # use retry_runtime::idempotency::{MemoryStore, sweep_every};
/// # async fn main() {
/// let store = MemoryStore::new();
/// tokio::spawn(sweep_every(store.clone(), Duration::from_secs(60)));
/// # }
/// ```
pub fn sweep_every<S>(store: S, interval: Duration) -> impl Future<Output = ()> + Send
where
    S: IdempotencyStore,
{
    // A busy loop would be nobody's wish.
    let interval = interval.max(Duration::from_millis(100));
    async move {
        loop {
            library::timer(interval).await;
            if let Err(error) = store.sweep().await {
                tracing::warn!(
                    target: "steadfast::idempotency",
                    store = store.name(),
                    error = crate::telemetry::redact::redact(&error),
                    "expired records could not be swept"
                );
            }
        }
    }
}

/// Refuses a store that cannot give what is asked: to be called when a program starts.
///
/// ```
/// use retry_runtime::idempotency::{Guarantees, MemoryStore, require};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let needed = Guarantees { durable: true, shared: true };
/// let refused = require(&MemoryStore::new(), needed).await.unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "the store `memory` cannot give what is required: its records do not survive the process; \
///      other processes do not see its records"
/// );
/// # });
/// ```
///
/// # Errors
///
/// [`StoreErrorKind::Refused`] with everything that is missing, what the store's own
/// [audit](IdempotencyStore::audit) found included; the store's error when it cannot be asked.
pub async fn require<S>(store: &S, needed: Guarantees) -> Result<(), StoreError>
where
    S: IdempotencyStore + ?Sized,
{
    let given = store.guarantees();
    let mut missing = Vec::new();
    if needed.durable && !given.durable {
        missing.push("its records do not survive the process".to_owned());
    }
    if needed.shared && !given.shared {
        missing.push("other processes do not see its records".to_owned());
    }
    if needed.durable || needed.shared {
        missing.extend(store.audit().await?);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let name = store.name();
    Err(StoreError::new(
        StoreErrorKind::Refused,
        format!("the store `{name}` cannot give what is required: {}", missing.join("; ")),
    ))
}
