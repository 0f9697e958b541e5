//! The numbers of everything that has run, without any exporter: `steadfast::snapshot()`.

use std::fmt;
use std::time::Duration;

use crate::breaker;
use crate::drivers::clock;
use crate::engine::StopReason;
use crate::operation::{Operation, State};
use crate::policy::{BudgetSource, RetryPolicy};
use crate::registry;
use crate::telemetry::cold::KeyResult;
use crate::telemetry::table::{self, Align, Table};
use crate::{budget, testing};

/// What was counted so far, and how breakers and budgets stand.
///
/// Printed, it is a table of each. With the feature `serde` it serialises, rates included.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// One entry for each operation with at least one call, by name, file and line.
    pub operations: Vec<OperationSnapshot>,
    /// The circuit breakers of all operations and those that were registered, by name.
    pub breakers: Vec<breaker::Snapshot>,
    /// The budgets of operations that have asked for a token, by name.
    pub budgets: Vec<BudgetSnapshot>,
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
    /// Calls that a circuit rejected and a `fallback` answered.
    pub fallback: u64,
    /// Calls that ended otherwise, by reason.
    pub failed: Vec<(StopReason, u64)>,
    /// Time slept between attempts.
    pub slept: Duration,
    /// What became of calls under an idempotency key.
    pub keys: Vec<(KeyResult, u64)>,
}

/// A retry budget at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetSnapshot {
    /// The name that the source gives it; the operation's for its default budget, and the first
    /// operation's for a `static` of unknown name.
    pub name: &'static str,
    /// The operations that it pays for.
    pub operations: Vec<&'static str>,
    /// Whole tokens left.
    pub tokens: u64,
    /// The most that it holds; `None` for a default budget, which grows with the calls.
    pub max_tokens: Option<u64>,
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
            fallback: state.fallbacks(),
            failed: StopReason::ALL
                .into_iter()
                .filter(|&reason| reason != StopReason::Ok)
                .map(|reason| (reason, state.ended(reason)))
                .filter(|&(_, calls)| calls > 0)
                .collect(),
            slept: state.slept(),
            keys: state.cold.keys(),
        }
    }

    /// Retries a call: 0.5 means one retry for every two calls.
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

    /// The share of calls that succeeded after a retry among those that retrying could save: healed
    /// ones and those that ended exhausted, at the deadline, for want of budget or at a hint. 0 where
    /// there were none.
    #[must_use]
    pub fn success_after_retry(&self) -> f64 {
        let in_vain =
            [StopReason::Exhausted, StopReason::Deadline, StopReason::Budget, StopReason::Hint];
        let failed = self.failed.iter().filter(|(reason, _)| in_vain.contains(reason));
        let healed = self.healed();
        ratio(healed, healed + failed.map(|(_, calls)| calls).sum::<u64>())
    }

    /// Calls by result, in the words of the metrics: `ok`, `ok_retried`, `fallback`, or the
    /// [`StopReason`]. Results that never came are left out.
    #[must_use]
    pub fn results(&self) -> Vec<(&'static str, u64)> {
        let good = [("ok", self.ok), ("ok_retried", self.healed()), ("fallback", self.fallback)];
        let failed = self.failed.iter().map(|(reason, calls)| (reason.as_str(), *calls));
        good.into_iter().chain(failed).filter(|&(_, calls)| calls > 0).collect()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The numbers of everything that has run so far. Inside a [`testing::scope`](crate::testing::scope)
/// those of the scope.
///
/// It reads counters that calls go on writing: numbers of one snapshot may be a call apart.
///
/// ```
/// let snapshot = retry_runtime::snapshot();
/// for operation in &snapshot.operations {
///     assert!(operation.calls > 0 && operation.amplification() >= 1.0);
/// }
/// println!("{snapshot}");
/// ```
#[must_use]
pub fn snapshot() -> Snapshot {
    let mut operations = testing::snapshot().unwrap_or_else(|| {
        let all = registry::all().into_iter();
        all.map(|operation| OperationSnapshot::of(operation, operation.state)).collect()
    });
    operations.retain(|operation| operation.calls > 0);
    operations.sort_by_key(|operation| (operation.name, operation.file, operation.line));
    Snapshot { operations, breakers: breakers(), budgets: budgets() }
}

pub(crate) fn of(operation: &'static Operation, state: &State) -> OperationSnapshot {
    OperationSnapshot::of(operation, state)
}

/// The breakers in use, those that somebody registered by hand among them.
fn breakers() -> Vec<breaker::Snapshot> {
    let mut all: Vec<_> = breaker::breakers().iter().map(breaker::Handle::snapshot).collect();
    all.sort_unstable_by_key(|breaker| breaker.name);
    all
}

/// The budgets of operations that have asked one.
pub(crate) fn budgets() -> Vec<BudgetSnapshot> {
    let mut budgets: Vec<(Option<usize>, BudgetSnapshot)> = Vec::new();
    for operation in registry::all() {
        let own = testing::state_if_any(operation);
        let state = own.as_deref().unwrap_or(operation.state);
        let asked = state.attempts() > state.calls() || state.ended(StopReason::Budget) > 0;
        let Some(policy) = operation.listed_policy().filter(|_| asked) else { continue };
        let (name, shared) = match policy.budget {
            // Keys are not shown, and what is left differs between them.
            BudgetSource::Unlimited | BudgetSource::Keyed(_) => continue,
            BudgetSource::Own => {
                let snapshot = BudgetSnapshot {
                    name: operation.name,
                    operations: vec![operation.name],
                    tokens: state.budget.tokens(),
                    max_tokens: None,
                };
                budgets.push((None, snapshot));
                continue;
            }
            BudgetSource::Shared(shared) => {
                (operation.details.budget.unwrap_or(operation.name), shared.get())
            }
            BudgetSource::Named(name, own) => (name, budget::named(name, own.get())),
        };
        let address = Some(std::ptr::from_ref(shared).addr());
        if let Some((_, known)) = budgets.iter_mut().find(|(at, _)| *at == address) {
            known.operations.push(operation.name);
            continue;
        }
        let own = testing::budget(shared);
        let tokens = own.as_deref().unwrap_or(shared).tokens_at(clock::now());
        let operations = vec![operation.name];
        let max_tokens = Some(shared.max_tokens());
        budgets.push((address, BudgetSnapshot { name, operations, tokens, max_tokens }));
    }
    let mut budgets: Vec<_> = budgets.into_iter().map(|(_, budget)| budget).collect();
    budgets.sort_unstable_by(|one, other| {
        (one.name, &one.operations).cmp(&(other.name, &other.operations))
    });
    budgets
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut operations = Table::new([
            ("operation", Align::Left),
            ("calls", Align::Right),
            ("attempts", Align::Right),
            ("retry rate", Align::Right),
            ("load", Align::Right),
            ("ok at first", Align::Right),
            ("healed", Align::Right),
            ("slept", Align::Right),
            ("otherwise", Align::Left),
        ]);
        for operation in &self.operations {
            operations.row([
                operation.name.into(),
                operation.calls.to_string(),
                operation.attempts.to_string(),
                table::percent(operation.retry_rate()),
                format!("{:.2}×", operation.amplification()),
                operation.ok.to_string(),
                operation.healed().to_string(),
                table::duration(operation.slept),
                counts(
                    operation.results().into_iter().filter(|(result, _)| !result.contains("ok")),
                ),
            ]);
        }
        operations.fmt(f)?;
        let mut keys =
            Table::new([("idempotent operation", Align::Left), ("under its key", Align::Left)]);
        for operation in self.operations.iter().filter(|operation| !operation.keys.is_empty()) {
            let results = operation.keys.iter().map(|(result, calls)| (result.as_str(), *calls));
            keys.row([operation.name.into(), counts(results)]);
        }
        keys.fmt_below(f)?;
        let mut breakers = Table::new([
            ("breaker", Align::Left),
            ("state", Align::Left),
            ("in a row", Align::Right),
            ("failed", Align::Right),
            ("slow", Align::Right),
            ("rejected", Align::Right),
            ("probe in", Align::Right),
        ]);
        let rate = |rate: Option<f64>| rate.map_or("-".into(), table::percent);
        for breaker in &self.breakers {
            breakers.row([
                breaker.name.into(),
                breaker.state.to_string(),
                breaker.consecutive_failures.to_string(),
                rate(breaker.failure_rate),
                rate(breaker.slow_call_rate),
                breaker.rejected.to_string(),
                breaker.until_half_open.map_or("-".into(), table::duration),
            ]);
        }
        breakers.fmt_below(f)?;
        let mut budgets = Table::new([
            ("budget", Align::Left),
            ("tokens", Align::Right),
            ("of", Align::Right),
            ("pays for", Align::Left),
        ]);
        for budget in &self.budgets {
            budgets.row([
                budget.name.into(),
                budget.tokens.to_string(),
                budget.max_tokens.map_or("-".into(), |most| most.to_string()),
                budget.operations.join(", "),
            ]);
        }
        budgets.fmt_below(f)
    }
}

/// `exhausted 3, budget 1`.
fn counts(results: impl Iterator<Item = (&'static str, u64)>) -> String {
    let counts: Vec<_> = results.map(|(result, calls)| format!("{result} {calls}")).collect();
    if counts.is_empty() { "-".into() } else { counts.join(", ") }
}
