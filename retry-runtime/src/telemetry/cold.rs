//! The counters of an operation that few operations need: made when the first of them is written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[cfg(any(feature = "idempotent", all(feature = "metrics", test)))]
use crate::operation::Operation;
#[cfg(feature = "metrics")]
use crate::telemetry::metrics::Handles;

/// What became of a call under an idempotency key: the one list that events, metrics and snapshots
/// share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyResult {
    /// The body ran, whatever it returned.
    Ran,
    /// The body ran although the store could not be asked.
    RanWithoutStore,
    /// An unknown record was settled by the function that finds out.
    Reconciled,
    /// The stored answer was returned.
    Replayed,
    /// The answer of a call that ran at the same time was returned.
    Joined,
    /// The caller dropped the call, or the body panicked, after it had begun.
    Abandoned,
    /// Beside the end of a call: its answer was stored by a later try.
    StoredLate,
    /// An argument in the key wrote nothing.
    EmptyKey,
    /// The fingerprint could not be made.
    Fingerprint,
    /// Another owner was at it for longer than `wait`.
    InProgress,
    /// The key came with other arguments.
    KeyReused,
    /// What an earlier call did is not known.
    Unknown,
    /// The call that was waited for failed.
    OwnerFailed,
    /// The key was claimed too often without an answer.
    TooOften,
    /// The store could not be asked, and the body did not run.
    StoreUnavailable,
    /// The stored answer cannot be read.
    Corrupt,
    /// The stored answer is of another version.
    Incompatible,
    /// An earlier call had its effect, and its answer was not stored.
    ResultNotStored,
    /// The claim was lost while the body ran.
    LeaseLost,
}

impl KeyResult {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Ran,
        Self::RanWithoutStore,
        Self::Reconciled,
        Self::Replayed,
        Self::Joined,
        Self::Abandoned,
        Self::StoredLate,
        Self::EmptyKey,
        Self::Fingerprint,
        Self::InProgress,
        Self::KeyReused,
        Self::Unknown,
        Self::OwnerFailed,
        Self::TooOften,
        Self::StoreUnavailable,
        Self::Corrupt,
        Self::Incompatible,
        Self::ResultNotStored,
        Self::LeaseLost,
    ];

    /// The result in lower case, as metrics and snapshots print it.
    ///
    /// ```
    /// assert_eq!(retry_runtime::KeyResult::InProgress.as_str(), "in_progress");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::RanWithoutStore => "ran_without_store",
            Self::Reconciled => "reconciled",
            Self::Replayed => "replayed",
            Self::Joined => "joined",
            Self::Abandoned => "abandoned",
            Self::StoredLate => "stored_late",
            Self::EmptyKey => "empty_key",
            Self::Fingerprint => "fingerprint",
            Self::InProgress => "in_progress",
            Self::KeyReused => "key_reused",
            Self::Unknown => "unknown",
            Self::OwnerFailed => "owner_failed",
            Self::TooOften => "too_often",
            Self::StoreUnavailable => "store_unavailable",
            Self::Corrupt => "corrupt",
            Self::Incompatible => "incompatible",
            Self::ResultNotStored => "result_not_stored",
            Self::LeaseLost => "lease_lost",
        }
    }

    /// The result of this word.
    #[cfg(feature = "idempotent")]
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|result| result.as_str() == word)
    }
}

/// Takes no room until something is counted.
#[derive(Debug)]
pub(crate) struct Cold(OnceLock<Box<Counters>>);

#[derive(Debug)]
struct Counters {
    keys: [AtomicU64; KeyResult::ALL.len()],
    #[cfg(feature = "metrics")]
    metrics: Handles,
}

impl Cold {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    #[cfg(any(feature = "idempotent", feature = "metrics"))]
    fn counters(&self) -> &Counters {
        self.0.get_or_init(|| {
            Box::new(Counters {
                keys: [const { AtomicU64::new(0) }; KeyResult::ALL.len()],
                #[cfg(feature = "metrics")]
                metrics: Handles::new(),
            })
        })
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn metrics(&self) -> &Handles {
        &self.counters().metrics
    }

    /// What was counted under idempotency keys, results that never came left out.
    pub(crate) fn keys(&self) -> Vec<(KeyResult, u64)> {
        let Some(counters) = self.0.get() else { return Vec::new() };
        KeyResult::ALL
            .into_iter()
            .map(|result| (result, counters.keys[result as usize].load(Relaxed)))
            .filter(|&(_, calls)| calls > 0)
            .collect()
    }
}

/// Counts what became of a call under an idempotency key.
#[cfg(any(feature = "idempotent", all(feature = "metrics", test)))]
pub(crate) fn key_result(operation: &'static Operation, result: KeyResult) {
    let state = crate::call::StateRef::of(operation);
    state.cold.counters().keys[result as usize].fetch_add(1, Relaxed);
    #[cfg(feature = "metrics")]
    crate::telemetry::metrics::idempotency(operation, result);
}
