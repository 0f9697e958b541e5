//! What is told of idempotent calls: log lines, and one word for the end of each call. Keys appear
//! hashed. Nothing asks it anything.

use super::error::IdempotencyError;
use super::name::hashed;
use super::store::StoreError;
use crate::operation::Operation;
use crate::telemetry::cold::{self, KeyResult};
use crate::telemetry::redact::redact;
use crate::{shard, testing};

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of {
    pub(super) name: &'static str,
    /// `None` where nobody counts.
    pub(super) counted: Option<&'static Operation>,
}

macro_rules! target {
    () => {
        "steadfast::idempotency"
    };
}

/// Everything that a call can end with, beside the words of [`IdempotencyError::as_str`].
pub(super) mod result {
    /// The body ran, whatever it returned.
    pub(in super::super) const RAN: &str = "ran";
    /// The body ran although the store could not be asked.
    pub(in super::super) const RAN_WITHOUT_STORE: &str = "ran_without_store";
    /// An unknown record was settled by the function that finds out.
    pub(in super::super) const RECONCILED: &str = "reconciled";
    /// A stored answer was returned.
    pub(in super::super) const REPLAYED: &str = "replayed";
    /// The answer of a call that ran at the same time was returned.
    pub(in super::super) const JOINED: &str = "joined";
    /// The caller dropped the call, or the body panicked, after it had begun.
    pub(in super::super) const ABANDONED: &str = "abandoned";
    /// Beside the end of a call: its answer was stored by a later try.
    pub(in super::super) const STORED_LATE: &str = "stored_late";
}

/// Counts a result. Operations and results come from compile-time sets.
pub(super) fn observe(operation: Of, result: &'static str) {
    if let Some(counted) = operation.counted
        && let Some(result) = KeyResult::named(result)
    {
        cold::key_result(counted, result);
    }
    if shard::watched() {
        let operation = operation.name;
        testing::record(testing::Event::Idempotent { operation, result });
    }
}

pub(super) fn replayed(operation: Of, key: &str, how: &'static str) {
    observe(operation, how);
    tracing::info!(
        target: target!(),
        operation = operation.name,
        key = %hashed(key),
        "an idempotent call was answered without running: {how}"
    );
}

pub(super) fn refused(operation: Of, key: &str, error: &IdempotencyError) {
    observe(operation, error.as_str());
    let key = hashed(key);
    match error {
        IdempotencyError::Unknown { fence } => tracing::error!(
            target: target!(), operation = operation.name, key, fence,
            "it is unknown whether an earlier call had its effect; it is not run again"
        ),
        IdempotencyError::Corrupt(_)
        | IdempotencyError::Incompatible(_)
        | IdempotencyError::TooOften { .. } => tracing::error!(
            target: target!(), operation = operation.name, key, error = redact(error),
            "an idempotent call was refused"
        ),
        IdempotencyError::StoreUnavailable(_) | IdempotencyError::ResultNotStored => {
            tracing::warn!(
                target: target!(), operation = operation.name, key, error = redact(error),
                "an idempotent call was refused"
            );
        }
        _ => tracing::debug!(
            target: target!(), operation = operation.name, key, error = redact(error),
            "an idempotent call was refused"
        ),
    }
}

/// The body runs although nobody could be asked.
pub(super) fn unguarded(operation: Of, key: &str, error: &StoreError) {
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key), error = redact(error),
        "the store cannot be asked; the call runs all the same, as it was told"
    );
}

/// The claim belongs to somebody else by now, or to nobody.
pub(super) fn lost(operation: Of, key: &str, fence: u64, current: Option<u64>) {
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key), fence, current,
        "the claim was lost while the call ran; its answer is not stored"
    );
}

/// A call has left an unknown record behind.
pub(super) fn left_unknown(operation: Of, key: &str, fence: u64, why: &str) {
    tracing::error!(
        target: target!(), operation = operation.name, key = hashed(key), fence, why,
        "it is unknown whether the call had its effect"
    );
}

pub(super) fn taken_over(operation: Of, key: &str, fence: u64) {
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key), fence,
        "it was unknown whether an earlier call had its effect; the key was taken over"
    );
}

/// The answer exists and is not in the store yet.
pub(super) fn unsettled(operation: Of, key: &str, error: &StoreError) {
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key), error = redact(error),
        "the end of the call could not be stored; it is tried again"
    );
}

pub(super) fn stored_late(operation: Of, key: &str) {
    observe(operation, result::STORED_LATE);
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key),
        "the end of the call was stored by a later try"
    );
}

pub(super) fn gave_up_storing(operation: Of, key: &str, fence: u64) {
    tracing::error!(
        target: target!(), operation = operation.name, key = hashed(key), fence,
        "the end of the call could not be stored; its record will be unknown"
    );
}

pub(super) fn not_stored(operation: Of, key: &str, why: &str) {
    tracing::warn!(
        target: target!(), operation = operation.name, key = hashed(key), why = redact(&why),
        "the answer cannot be stored; later calls are told so"
    );
}

pub(super) fn memory_store_in_use() {
    tracing::warn!(
        target: target!(),
        "idempotency records are kept in the memory of this process: they do not survive it, and \
         other processes do not see them; set a store with `steadfast::idempotency::set_store`"
    );
}
