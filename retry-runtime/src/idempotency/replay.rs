//! How what a body returned becomes the end of its record, and how a record becomes what the
//! function returns.

use super::call::Call;
use super::envelope::{self, Kind, Storable};
use super::error::IdempotencyError;
use super::events::{self, result};
use super::held::Ending;
use crate::classify::Classification;
use crate::outcome::Outcome;
use crate::telemetry::redact::redact;

/// How a body ended: what it returned, and of a failure its class and text.
#[derive(Debug)]
pub struct Ended<R> {
    pub(super) outcome: R,
    class: Option<Classification>,
    text: Option<String>,
}

impl<R> Ended<R> {
    /// `class` is what the failure was taken for, `None` of a success.
    #[must_use]
    pub const fn new(outcome: R, class: Option<Classification>) -> Self {
        Self { outcome, class, text: None }
    }

    /// The same with the error's text, as [`describe`] makes it.
    #[must_use]
    pub fn text(mut self, text: Option<String>) -> Self {
        self.text = text;
        self
    }
}

/// An error's text as those are told who waited for the call: bounded, escaped, without secrets.
#[must_use]
pub fn describe(error: Option<&dyn std::fmt::Display>) -> Option<String> {
    error.map(redact)
}

/// What a function that finds out has found.
///
/// ```
/// use retry_runtime::{IdempotencyKey, idempotency::Reconciled};
///
/// struct Receipt(u64);
///
/// // Asks the payment service for the payment with this key.
/// async fn reconcile(key: IdempotencyKey) -> Reconciled<Receipt> {
///     match lookup(key.as_str()).await {
///         Some(receipt) => Reconciled::Done(receipt),
///         None => Reconciled::NotDone,
///     }
/// }
/// # async fn lookup(_: &str) -> Option<Receipt> { Some(Receipt(7)) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconciled<T> {
    /// The effect happened, with this answer.
    Done(T),
    /// The effect did not happen: the body runs.
    NotDone,
    /// It cannot be said now: the record stays unknown.
    Unknown,
}

/// The bytes of an outcome that is stored, for a version; why there are none; `None` if it is not.
type Stored<R> = fn(&R, u32) -> Option<Result<Vec<u8>, String>>;

/// How what a function returns is stored and read back.
#[derive(Debug)]
pub struct Replay<R> {
    value: Stored<R>,
    error: Option<Stored<R>>,
    read_value: fn(&[u8]) -> Result<R, IdempotencyError>,
    read_error: fn(&[u8]) -> Result<R, IdempotencyError>,
}

impl<R> Clone for Replay<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Replay<R> {}

impl<R: Outcome> Replay<R> {
    /// Values are stored; a failure never is.
    #[must_use]
    pub fn values() -> Self
    where
        R::Value: Storable,
    {
        Self {
            value: |outcome, version| {
                outcome.value().map(|value| envelope::store(Kind::Value, version, value))
            },
            error: None,
            read_value: |bytes| envelope::read(bytes).map(R::from_value),
            read_error: |_| {
                let words = "it is a stored error, and the function no longer records errors";
                Err(IdempotencyError::Incompatible(words.to_owned()))
            },
        }
    }

    /// Values are stored, and so are permanent failures: `record_errors = true`.
    #[must_use]
    pub fn values_and_errors() -> Self
    where
        R::Value: Storable,
        R::Error: Storable,
    {
        Self {
            error: Some(|outcome, version| {
                outcome.error().map(|error| envelope::store(Kind::Error, version, error))
            }),
            read_error: |bytes| envelope::read(bytes).map(R::from_error),
            ..Self::values()
        }
    }
}

impl<R> Replay<R> {
    pub(super) fn load(
        &self,
        call: &Call<'_>,
        bytes: &[u8],
        how: &'static str,
    ) -> Result<R, IdempotencyError> {
        let loaded = envelope::open(call.spec.version, bytes).and_then(|(kind, body)| match kind {
            Kind::Value => (self.read_value)(body),
            Kind::Error => (self.read_error)(body),
            Kind::NotStored => Err(IdempotencyError::ResultNotStored),
        });
        match loaded {
            Ok(outcome) => {
                events::replayed(call.spec.operation, call.key(), how);
                Ok(outcome)
            }
            Err(error) => call.refused(error),
        }
    }

    pub(super) fn ending(&self, call: &Call<'_>, ended: &mut Ended<R>) -> Ending {
        let version = call.spec.version;
        let class = ended.class.unwrap_or(Classification::permanent());
        let stored = (self.value)(&ended.outcome, version)
            .or_else(|| self.error.filter(|_| !class.is_retryable())?(&ended.outcome, version));
        match stored {
            Some(Ok(bytes)) => Ending::Done(bytes),
            Some(Err(why)) => {
                events::not_stored(call.spec.operation, call.key(), &why);
                Ending::Done(envelope::not_stored(version))
            }
            None => Ending::Failed { class, text: ended.text.take() },
        }
    }

    /// What a record becomes by what was found; `None` where the body is to run.
    pub(super) fn found(
        &self,
        call: &Call<'_>,
        found: Reconciled<R::Value>,
    ) -> Option<(Ending, &'static str, Option<R>)>
    where
        R: Outcome,
    {
        match found {
            Reconciled::Done(value) => {
                let mut ended = Ended::new(R::from_value(value), None);
                let ending = self.ending(call, &mut ended);
                Some((ending, result::RECONCILED, Some(ended.outcome)))
            }
            Reconciled::NotDone => None,
            Reconciled::Unknown => Some((Ending::StillUnknown, result::ABANDONED, None)),
        }
    }
}
