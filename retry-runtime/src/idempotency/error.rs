//! Why an idempotent call has no answer of its own.

use std::fmt;

use super::store::{StoreError, StoreErrorKind};
use crate::classify::{Classification, Classify};

/// What `#[idempotent]` returns where there is neither an answer of the body nor a stored one: a
/// function that is idempotent has an error type with `From<IdempotencyError>`, or says `map_error`.
///
/// ```
/// use retry_runtime::{Classify, idempotency::IdempotencyError};
///
/// assert!(IdempotencyError::InProgress.classify().is_retryable());
/// assert!(!IdempotencyError::KeyReused.classify().is_retryable());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IdempotencyError {
    /// An argument in the key wrote nothing, so that the key names no one call.
    EmptyKey,
    /// The arguments of the fingerprint could not be serialized.
    Fingerprint(String),
    /// Another call with this key is still running: `wait` has passed, or it is the call's own body
    /// that asks.
    InProgress,
    /// The key was used with other arguments.
    KeyReused,
    /// Nobody knows whether the effect of an earlier call happened. An operator resolves it.
    Unknown {
        /// The fence of the call that ended so.
        fence: u64,
    },
    /// The call that this one waited for failed.
    OwnerFailed {
        /// What its failure was taken for.
        class: Classification,
        /// Its text, where its type can be displayed; secrets of URLs are cut out.
        text: Option<String>,
    },
    /// The key was claimed too often without an answer.
    TooOften {
        /// How often.
        claims: u32,
    },
    /// The store could not be asked, and the body was not run.
    StoreUnavailable(StoreError),
    /// The stored answer cannot be read.
    Corrupt(String),
    /// The stored answer was written by a newer version of this library, for another `version` of
    /// the function, or for another type.
    Incompatible(String),
    /// The effect happened, and its answer was too large or could not be stored.
    ResultNotStored,
    /// The claim was lost while the body ran, so that its answer is not stored.
    LeaseLost {
        /// The fence of the claim.
        fence: u64,
        /// The fence of the claim that took its place, where it is known.
        current: Option<u64>,
    },
}

impl IdempotencyError {
    /// What the store said.
    pub(super) fn of_store(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Corrupt => Self::Corrupt(error.to_string()),
            StoreErrorKind::Incompatible => Self::Incompatible(error.to_string()),
            _ => Self::StoreUnavailable(error),
        }
    }

    /// In one word, as metrics print it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::EmptyKey => "empty_key",
            Self::Fingerprint(_) => "fingerprint",
            Self::InProgress => "in_progress",
            Self::KeyReused => "key_reused",
            Self::Unknown { .. } => "unknown",
            Self::OwnerFailed { .. } => "owner_failed",
            Self::TooOften { .. } => "too_often",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::Corrupt(_) => "corrupt",
            Self::Incompatible(_) => "incompatible",
            Self::ResultNotStored => "result_not_stored",
            Self::LeaseLost { .. } => "lease_lost",
        }
    }
}

impl fmt::Display for IdempotencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyKey => f.write_str("an argument in the idempotency key is empty"),
            Self::Fingerprint(error) => {
                write!(f, "the arguments cannot be fingerprinted: {error}")
            }
            Self::InProgress => f.write_str("a call with this idempotency key is still running"),
            Self::KeyReused => f.write_str("the idempotency key was used with other arguments"),
            Self::Unknown { .. } => f.write_str(
                "it is unknown whether an earlier call with this idempotency key had its effect",
            ),
            Self::OwnerFailed { text: Some(text), .. } => {
                write!(f, "the call with the same idempotency key failed: {text}")
            }
            Self::OwnerFailed { text: None, .. } => {
                f.write_str("the call with the same idempotency key failed")
            }
            Self::TooOften { claims } => {
                write!(f, "the idempotency key was tried {claims} times without an answer")
            }
            Self::StoreUnavailable(error) => {
                write!(f, "the idempotency store cannot be asked: {error}")
            }
            Self::Corrupt(why) => write!(f, "the stored answer cannot be read: {why}"),
            Self::Incompatible(why) => write!(f, "the stored answer does not fit: {why}"),
            Self::ResultNotStored => {
                f.write_str("an earlier call had its effect, and its answer was not stored")
            }
            Self::LeaseLost { .. } => {
                f.write_str("the claim of the idempotency key was lost while the call ran")
            }
        }
    }
}

impl std::error::Error for IdempotencyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::StoreUnavailable(error) => Some(error),
            _ => None,
        }
    }
}

impl Classify for IdempotencyError {
    fn classify(&self) -> Classification {
        match self {
            Self::InProgress => Classification::retryable(),
            // The body was not run.
            Self::StoreUnavailable(error) if error.kind() != StoreErrorKind::Refused => {
                Classification::retryable().unsent()
            }
            Self::OwnerFailed { class, .. } => *class,
            _ => Classification::permanent(),
        }
    }
}
