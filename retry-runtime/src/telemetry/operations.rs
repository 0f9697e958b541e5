//! Every annotated function of the program, called or not: `steadfast::operations()`.

use std::fmt;
use std::time::Duration;

use crate::backoff::Jitter;
use crate::breaker::{Configuration, WindowSpan};
use crate::operation::Operation;
use crate::policy::{BudgetSource, Nested, RetryPolicy};
use crate::registry;
use crate::telemetry::horizon::{self, WorstCase};
use crate::telemetry::table::{self, Align, Table};

/// The annotated functions of the program, by name, file and line.
///
/// Printed, it is a table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operations {
    /// One entry for each function. Two of one name are told apart by file and line.
    pub operations: Vec<OperationInfo>,
    /// Whether functions that never ran are listed, too.
    complete: bool,
}

impl Operations {
    /// Whether the list is complete.
    ///
    /// Functions register when the program is linked. On a target without constructors, or without
    /// the feature `operations`, only those are listed that have failed, retried or been cancelled
    /// at least once, and the printed table says so.
    #[must_use]
    pub const fn registered_at_link_time(&self) -> bool {
        self.complete
    }

    /// The functions of this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &OperationInfo> {
        self.operations.iter().filter(move |operation| operation.name == name)
    }
}

/// One annotated function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperationInfo {
    /// `module::function`, or what `name` says.
    pub name: &'static str,
    /// The source file of the function.
    pub file: &'static str,
    /// The line of its attribute.
    pub line: u32,
    /// Whether it is `async` or returns a future.
    pub is_async: bool,
    /// What `#[retry]` says; `None` without that attribute, and where its values depend on a generic
    /// parameter.
    pub retry: Option<RetryInfo>,
    /// The most that a call can do and take; `None` where a generic parameter decides.
    pub worst_case: Option<WorstCase>,
    /// What `#[circuit_breaker]` says.
    pub breaker: Option<BreakerInfo>,
    /// What `#[idempotent]` says.
    pub key: Option<KeyInfo>,
}

/// A policy as it is listed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryInfo {
    /// Total calls of the body, the first included.
    pub max_attempts: u32,
    /// `exponential`, `linear`, `constant`, `decorrelated` or `custom`.
    pub backoff: &'static str,
    /// The first delay, without jitter.
    pub first_delay: Duration,
    /// The ceiling of every delay.
    pub max_delay: Duration,
    /// How delays are spread.
    pub jitter: Jitter,
    /// When one attempt is cut off.
    pub attempt_timeout: Option<Duration>,
    /// How long a whole call may take.
    pub deadline: Option<Duration>,
    /// Whether the deadline leaves a running attempt alone.
    pub soft_deadline: bool,
    /// What it does below an outer retry.
    pub nested: Nested,
    /// What pays for its retries.
    pub budget: BudgetInfo,
}

/// What pays for retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetInfo {
    /// The default one, which the function has for itself.
    Own,
    /// Nothing: only `max_attempts` limits.
    None,
    /// A `static` that the attribute names.
    Shared {
        /// How the source calls it, where known.
        name: Option<&'static str>,
        /// The most tokens that it holds.
        max_tokens: u64,
    },
    /// The budget of a name.
    Named {
        /// The name.
        name: &'static str,
        /// The most tokens that the function's own settings give it.
        max_tokens: u64,
    },
    /// One for each value of a key.
    Keyed {
        /// The most tokens that one of them holds.
        max_tokens: u64,
    },
}

/// A circuit breaker as one function's attribute describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerInfo {
    /// Its name.
    pub name: &'static str,
    /// What opens it: `5 failures in a row`.
    pub opens_after: String,
    /// The first break, without jitter.
    pub recovery_timeout: Duration,
}

/// An idempotency key as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The template.
    pub template: &'static str,
    /// The `scope`.
    pub scope: Option<&'static str>,
    /// The `version`.
    pub version: Option<&'static str>,
    /// How long a result is kept.
    pub ttl: Duration,
    /// The expression of the store; `default` for the process-wide one.
    pub store: &'static str,
    /// Whether that store is the memory of one process.
    pub in_memory: bool,
}

impl OperationInfo {
    fn of(operation: &'static Operation) -> Self {
        let details = &operation.details;
        let retry = operation.listed_policy().map(|policy| RetryInfo::of(policy, details.budget));
        let worst_case = match operation.listed_policy() {
            Some(policy) => Some(WorstCase::of(policy, details.is_async)),
            None if details.breaker.is_some() || details.key.is_some() => Some(WorstCase::ONCE),
            None => None,
        };
        Self {
            name: operation.name,
            file: operation.file,
            line: operation.line,
            is_async: details.is_async,
            retry,
            worst_case,
            breaker: details.breaker.map(|breaker| {
                let configuration = breaker.configuration();
                BreakerInfo {
                    name: configuration.name,
                    opens_after: opens_after(&configuration),
                    recovery_timeout: configuration.recovery_timeout,
                }
            }),
            key: details.key.map(|key| KeyInfo {
                template: key.template,
                scope: key.scope,
                version: key.version,
                ttl: key.ttl,
                store: key.store,
                in_memory: (key.in_memory)(),
            }),
        }
    }
}

/// What opens a breaker, in words: `5 failures in a row`.
fn opens_after(configuration: &Configuration) -> String {
    let mut rules = Vec::new();
    match configuration.failure_threshold {
        None => {}
        Some(1) => rules.push("a failure".to_owned()),
        Some(failures) => rules.push(format!("{failures} failures in a row")),
    }
    let window = match configuration.window {
        Some(WindowSpan::Calls(calls)) => format!("{calls} calls"),
        Some(WindowSpan::Time(time)) => format!("{time:?}"),
        None => String::new(),
    };
    let rates = [(configuration.failure_rate, "failed"), (configuration.slow_call_rate, "slow")];
    for (rate, what) in rates {
        if let Some(rate) = rate {
            let percent = (rate * 1000.0).round() / 10.0;
            rules.push(format!("{percent}% of {window} {what}"));
        }
    }
    rules.join(" or ")
}

impl RetryInfo {
    fn of(policy: &RetryPolicy, budget: Option<&'static str>) -> Self {
        Self {
            max_attempts: policy.attempts(),
            backoff: policy.schedule.as_str(),
            first_delay: horizon::longest_delay(policy, 1, Duration::ZERO),
            max_delay: horizon::max_delay(policy),
            jitter: policy.jitter,
            attempt_timeout: policy.attempt_timeout,
            deadline: horizon::deadline(policy),
            soft_deadline: policy.soft_deadline,
            nested: policy.nested,
            budget: match policy.budget {
                BudgetSource::Own => BudgetInfo::Own,
                BudgetSource::Unlimited => BudgetInfo::None,
                BudgetSource::Shared(shared) => {
                    BudgetInfo::Shared { name: budget, max_tokens: shared.max_tokens() }
                }
                BudgetSource::Named(name, own) => {
                    BudgetInfo::Named { name, max_tokens: own.max_tokens() }
                }
                BudgetSource::Keyed(keyed) => BudgetInfo::Keyed { max_tokens: keyed.max_tokens() },
            },
        }
    }
}

/// Lists every annotated function that the program holds, called or not, with what its attributes
/// say.
///
/// A crate that nothing of the program names is not linked, and so not listed. Calls by hand
/// (`POLICY.call(…)`) are listed once they have failed.
///
/// ```
/// let operations = retry_runtime::operations();
/// for operation in &operations.operations {
///     println!("{} at {}:{}", operation.name, operation.file, operation.line);
/// }
/// println!("{operations}");
/// ```
#[must_use]
pub fn operations() -> Operations {
    let operations = registry::all().into_iter().map(OperationInfo::of).collect();
    Operations { operations, complete: registry::complete() }
}

const NOTHING: &str = "-";

impl fmt::Display for RetryInfo {
    /// `5 × exponential 200ms..5s, full jitter`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max_attempts == 1 {
            return f.write_str("1 ×");
        }
        let (first, most) = (table::duration(self.first_delay), table::duration(self.max_delay));
        write!(f, "{} × {} {first}", self.max_attempts, self.backoff)?;
        if self.backoff != "constant" {
            write!(f, "..{most}")?;
        }
        // Decorrelated delays are drawn whatever the jitter says.
        match self.jitter {
            Jitter::None if self.backoff != "decorrelated" => f.write_str(", no jitter"),
            Jitter::Equal if self.backoff != "decorrelated" => f.write_str(", half jitter"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for BudgetInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::None => f.write_str("none"),
            Self::Shared { name, max_tokens } => {
                write!(f, "{} ({max_tokens})", name.unwrap_or("shared"))
            }
            Self::Named { name, max_tokens } => write!(f, "{name} ({max_tokens})"),
            Self::Keyed { max_tokens } => write!(f, "by key ({max_tokens})"),
        }
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new([
            ("operation", Align::Left),
            ("retry", Align::Left),
            ("attempt", Align::Right),
            ("deadline", Align::Right),
            ("at most", Align::Right),
            ("budget", Align::Left),
            ("breaker", Align::Left),
            ("key", Align::Left),
            ("at", Align::Left),
        ]);
        let time = |time: Option<Duration>| time.map_or(NOTHING.into(), table::duration);
        for operation in &self.operations {
            let retry = operation.retry.as_ref();
            table.row([
                operation.name.into(),
                match retry {
                    Some(retry) => retry.to_string(),
                    None if operation.worst_case.is_some() => NOTHING.into(),
                    None => "generic".into(),
                },
                time(retry.and_then(|retry| retry.attempt_timeout)),
                time(retry.and_then(|retry| retry.deadline)),
                time(operation.worst_case.and_then(|worst| worst.duration)),
                retry.map_or(NOTHING.into(), |retry| retry.budget.to_string()),
                operation.breaker.as_ref().map_or(NOTHING, |breaker| breaker.name).into(),
                operation.key.map_or(NOTHING, |key| key.template).into(),
                format!("{}:{}", operation.file, operation.line),
            ]);
        }
        table.fmt(f)?;
        if self.complete {
            return Ok(());
        }
        f.write_str(
            "only functions that have failed at least once: this build does not register functions \
             when it is linked\n",
        )
    }
}
