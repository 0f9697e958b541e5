//! Snapshots, listings and findings for serde. Durations are seconds, rates stand beside the counts
//! that they follow from, and whatever has a word in logs and metrics is that word.

use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use crate::telemetry::audit::Finding;
use crate::telemetry::operations::{BudgetInfo, OperationInfo, Operations, RetryInfo};
use crate::telemetry::snapshot::{BudgetSnapshot, OperationSnapshot, Snapshot};
use crate::{Jitter, Nested, StopReason, breaker};

/// Writes the fields as a struct.
macro_rules! fields {
    ($serializer:expr, $name:literal, { $($field:literal: $value:expr,)* }) => {{
        let count = [$($field),*].len();
        let mut writer = $serializer.serialize_struct($name, count)?;
        $(writer.serialize_field($field, &$value)?;)*
        writer.end()
    }};
}

/// Counts by word.
struct Counts<'a>(&'a [(&'static str, u64)]);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut writer = serializer.serialize_map(Some(self.0.len()))?;
        for (word, count) in self.0 {
            writer.serialize_entry(word, count)?;
        }
        writer.end()
    }
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.map(|duration| duration.as_secs_f64())
}

impl Serialize for StopReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for breaker::State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Snapshot", {
            "operations": self.operations,
            "breakers": self.breakers,
            "budgets": self.budgets,
        })
    }
}

impl Serialize for OperationSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<_> = self.keys.iter().map(|(key, calls)| (key.as_str(), *calls)).collect();
        fields!(serializer, "OperationSnapshot", {
            "name": self.name,
            "file": self.file,
            "line": self.line,
            "calls": self.calls,
            "attempts": self.attempts,
            "results": Counts(&self.results()),
            "ok_retried_by_retries": self.ok_retried,
            "retry_rate": self.retry_rate(),
            "success_after_retry": self.success_after_retry(),
            "amplification": self.amplification(),
            "slept_seconds": self.slept.as_secs_f64(),
            "idempotency": Counts(&keys),
        })
    }
}

impl Serialize for breaker::Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "BreakerSnapshot", {
            "name": self.name,
            "state": self.state,
            "generation": self.generation,
            "consecutive_failures": self.consecutive_failures,
            "calls": self.calls,
            "failed": self.failed,
            "slow": self.slow,
            "failure_rate": self.failure_rate,
            "slow_call_rate": self.slow_call_rate,
            "rejected": self.rejected,
            "probes": self.probes,
            "breaks": self.breaks,
            "seconds_until_half_open": seconds(self.until_half_open),
        })
    }
}

impl Serialize for BudgetSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "BudgetSnapshot", {
            "name": self.name,
            "operations": self.operations,
            "tokens": self.tokens,
            "max_tokens": self.max_tokens,
        })
    }
}

impl Serialize for Operations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Operations", {
            "registered_at_link_time": self.registered_at_link_time(),
            "operations": self.operations,
        })
    }
}

impl Serialize for OperationInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let worst = self.worst_case;
        fields!(serializer, "OperationInfo", {
            "name": self.name,
            "file": self.file,
            "line": self.line,
            "is_async": self.is_async,
            "retry": self.retry,
            "worst_case_calls": worst.map(|worst| worst.calls),
            "worst_case_delay_seconds": seconds(worst.map(|worst| worst.delays)),
            "worst_case_seconds": seconds(worst.and_then(|worst| worst.duration)),
            "breaker": self.breaker.as_ref().map(|breaker| breaker.name),
            "key": self.key.map(|key| key.template),
        })
    }
}

impl Serialize for RetryInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let jitter = match self.jitter {
            Jitter::Full => "full",
            Jitter::Equal => "equal",
            Jitter::None => "none",
        };
        let budget = match self.budget {
            BudgetInfo::Own => "own",
            BudgetInfo::None => "none",
            BudgetInfo::Shared { name, .. } => name.unwrap_or("shared"),
            BudgetInfo::Named { name, .. } => name,
            BudgetInfo::Keyed { .. } => "by key",
        };
        fields!(serializer, "RetryInfo", {
            "max_attempts": self.max_attempts,
            "backoff": self.backoff,
            "first_delay_seconds": self.first_delay.as_secs_f64(),
            "max_delay_seconds": self.max_delay.as_secs_f64(),
            "jitter": jitter,
            "attempt_timeout_seconds": seconds(self.attempt_timeout),
            "deadline_seconds": seconds(self.deadline),
            "soft_deadline": self.soft_deadline,
            "nested": if self.nested == Nested::Allow { "allow" } else { "suppress" },
            "budget": budget,
        })
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fields!(serializer, "Finding", {
            "kind": format!("{:?}", self.kind),
            "severity": self.severity().as_str(),
            "subject": self.subject,
            "places": self.places,
            "message": self.message,
            "help": self.help,
        })
    }
}
