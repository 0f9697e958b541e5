//! The counters of an operation that few operations need: made when the first of them is written.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::operation::Operation;
#[cfg(feature = "metrics")]
use crate::telemetry::metrics::Handles;

/// What became of a call under an idempotency key: the one list that events, metrics and snapshots
/// share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyResult {
    /// The body ran, and its result was stored.
    Executed,
    /// The stored result was returned.
    Replayed,
    /// The result of a call that was under way in this process.
    Joined,
    /// Another owner was at it for longer than `wait`.
    InProgress,
    /// The key came with another payload.
    KeyReused,
    /// What an earlier call did is not known.
    Unknown,
    /// The call that was waited for failed.
    OwnerFailed,
    /// The body's failure released the key.
    Released,
    /// The body ran and its end is not known.
    Lost,
    /// The store did not answer, and the body did not run.
    StoreDown,
    /// The store did not answer, and the body ran without it.
    RanWithoutStore,
}

impl KeyResult {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Executed,
        Self::Replayed,
        Self::Joined,
        Self::InProgress,
        Self::KeyReused,
        Self::Unknown,
        Self::OwnerFailed,
        Self::Released,
        Self::Lost,
        Self::StoreDown,
        Self::RanWithoutStore,
    ];

    /// The result in lower case, as metrics and snapshots print it.
    ///
    /// ```
    /// assert_eq!(retry_runtime::KeyResult::InProgress.as_str(), "in_progress");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Replayed => "replayed",
            Self::Joined => "joined",
            Self::InProgress => "in_progress",
            Self::KeyReused => "key_reused",
            Self::Unknown => "unknown",
            Self::OwnerFailed => "owner_failed",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::StoreDown => "store_down",
            Self::RanWithoutStore => "ran_without_store",
        }
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
#[allow(dead_code, reason = "for `#[idempotent]`")]
pub(crate) fn key_result(operation: &'static Operation, result: KeyResult) {
    let state = crate::call::StateRef::of(operation);
    state.cold.counters().keys[result as usize].fetch_add(1, Relaxed);
    #[cfg(feature = "metrics")]
    crate::telemetry::metrics::idempotency(operation, result);
}
