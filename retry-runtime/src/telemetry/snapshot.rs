//! The numbers of every operation that has run, without any exporter.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::engine::StopReason;
use crate::operation::{Operation, State};
use crate::policy::RetryPolicy;
use crate::testing;

static SEEN: Mutex<Vec<&'static Operation>> = Mutex::new(Vec::new());

/// Notes an operation at its first slow event.
pub(crate) fn see(operation: &'static Operation, state: &State) {
    if state.first_seen() && std::ptr::eq(operation.state, state) {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }
}

/// What was counted of every operation that failed at least once: `steadfast::snapshot()`.
///
/// Operations that only ever succeeded at their first attempt are not in it yet.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// One entry for each operation, sorted by name.
    pub operations: Vec<OperationSnapshot>,
}

/// What was counted of one operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationSnapshot {
    /// `module::function`, or what `name` says.
    pub name: &'static str,
    /// The source file of the function.
    pub file: &'static str,
    /// The line of its attribute.
    pub line: u32,
    /// Its policy; `None` where it depends on a generic parameter or belongs to no attribute.
    pub policy: Option<&'static RetryPolicy>,
    /// Calls that have ended.
    pub calls: u64,
    /// Calls of the body by them.
    pub attempts: u64,
    /// Calls that succeeded at the first attempt.
    pub ok: u64,
    /// Calls that succeeded after at least one retry, by retries needed: 1, 2, … 8 or more.
    pub ok_retried: [u64; 8],
    /// Calls that ended otherwise, by reason.
    pub failed: Vec<(StopReason, u64)>,
    /// Time slept between attempts.
    pub slept: Duration,
}

impl OperationSnapshot {
    fn of(operation: &'static Operation, state: &State) -> Self {
        Self {
            name: operation.name,
            file: operation.file,
            line: operation.line,
            policy: operation.listed_policy(),
            calls: state.calls(),
            attempts: state.attempts(),
            ok: state.first_ok(),
            ok_retried: state.healed(),
            failed: StopReason::ALL
                .into_iter()
                .filter(|&reason| reason != StopReason::Ok)
                .map(|reason| (reason, state.ended(reason)))
                .filter(|&(_, calls)| calls > 0)
                .collect(),
            slept: state.slept(),
        }
    }

    /// Retries a call: 0.5 means that every second call was tried twice.
    #[must_use]
    pub fn retry_rate(&self) -> f64 {
        ratio(self.attempts.saturating_sub(self.calls), self.calls)
    }

    /// Attempts a call: what retrying makes of the load.
    #[must_use]
    pub fn amplification(&self) -> f64 {
        ratio(self.attempts, self.calls)
    }

    /// Calls that a retry healed.
    #[must_use]
    pub fn healed(&self) -> u64 {
        self.ok_retried.iter().sum()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The numbers of every operation that has run so far. Inside a [`testing::scope`](crate::testing)
/// those of the scope.
#[must_use]
pub fn snapshot() -> Snapshot {
    let mut operations = testing::snapshot().unwrap_or_else(|| {
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().map(|operation| OperationSnapshot::of(operation, operation.state)).collect()
    });
    operations.sort_by_key(|operation| (operation.name, operation.file, operation.line));
    Snapshot { operations }
}

pub(crate) fn of(operation: &'static Operation, state: &State) -> OperationSnapshot {
    OperationSnapshot::of(operation, state)
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.operations.iter().map(|o| o.name.len()).max().unwrap_or(0).max(9);
        writeln!(
            f,
            "{:width$}  {:>7}  {:>8}  {:>10}  {:>11}  {:>7}  {:>10}",
            "operation", "calls", "attempts", "retry rate", "ok at first", "healed", "slept"
        )?;
        for operation in &self.operations {
            writeln!(
                f,
                "{:width$}  {:>7}  {:>8}  {:>9.0}%  {:>11}  {:>7}  {:>10}",
                operation.name,
                operation.calls,
                operation.attempts,
                operation.retry_rate() * 100.0,
                operation.ok,
                operation.healed(),
                format!("{:.2?}", operation.slept),
            )?;
        }
        Ok(())
    }
}
