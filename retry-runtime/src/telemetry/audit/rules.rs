//! Each rule looks at what attributes say, and says what to write instead.

use std::collections::BTreeMap;
use std::ptr;

use super::{Finding, FindingKind};
use crate::backoff::{Jitter, Schedule};
use crate::budget::RetryBudget;
use crate::operation::Operation;
use crate::policy::{BudgetSource, Nested, RetryPolicy};
use crate::telemetry::horizon::{self, WorstCase};
use crate::telemetry::table::duration;

pub(super) fn findings(
    operations: &[&'static Operation],
    conflicts: &[&'static str],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for operation in operations {
        if let Some(policy) = operation.listed_policy() {
            findings.extend(of_policy(operation, policy));
        }
        if let Some(key) = &operation.details.key
            && (key.in_memory)()
        {
            let message = format!(
                "`{}` keeps its results in the memory of one process: a restart or a second \
                 instance runs the body again",
                operation.name
            );
            let help = "give it a `store` that the fleet shares, or set the process-wide one";
            findings.push(about(FindingKind::MemoryStore, operation, message, help));
        }
    }
    findings.extend(breakers(operations, conflicts));
    findings.extend(budgets(operations));
    findings.extend(templates(operations));
    findings.extend(names(operations));
    findings
}

fn about(
    kind: FindingKind,
    operation: &Operation,
    message: String,
    help: impl Into<String>,
) -> Finding {
    let places = vec![(operation.file, operation.line)];
    Finding { kind, subject: operation.name, places, message, help: help.into() }
}

fn of_policy(operation: &Operation, policy: &RetryPolicy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |kind: FindingKind, message: &str, help: &str| {
        findings.push(about(kind, operation, format!("`{}` {message}", operation.name), help));
    };
    let retries = policy.attempts() > 1;
    let deadline = horizon::deadline(policy);
    // A breaker with a threshold for slow calls notices a hanging call, but does not end it.
    if operation.details.is_async && deadline.is_none() && policy.attempt_timeout.is_none() {
        find(
            FindingKind::Unbounded,
            "has neither a `deadline` nor an `attempt_timeout`: an attempt that hangs is never \
             retried, and its caller hangs with it",
            "write `attempt_timeout = \"2s\"` or `deadline = \"10s\"`",
        );
    }
    if policy.nested == Nested::Allow && retries {
        find(
            FindingKind::NestedAllowed,
            "retries while an outer retry is already retrying: the attempts multiply",
            "leave `nested = \"allow\"` out",
        );
    }
    let draws_itself = matches!(policy.schedule, Schedule::Decorrelated | Schedule::Custom(_));
    if policy.jitter == Jitter::None && retries && !draws_itself {
        find(
            FindingKind::NoJitter,
            "spreads no delay: clients that failed together come back together",
            "leave `jitter = \"none\"` out",
        );
    }
    if policy.budget.is_unlimited() && retries {
        find(
            FindingKind::NoBudget,
            &format!(
                "retries without a budget: an outage of what it calls multiplies its load by {}",
                policy.attempts()
            ),
            "leave `budget = none` out, or name a `RetryBudget`",
        );
    }
    let worst = WorstCase::of(policy, operation.details.is_async);
    if let Some(deadline) = deadline
        && worst.delays >= deadline
    {
        find(
            FindingKind::AttemptsBeyondDeadline,
            &format!(
                "may wait {} between its {} attempts, and its `deadline` is {}: unless jitter \
                 shortens the delays, the last attempts are not made",
                duration(worst.delays),
                policy.attempts(),
                duration(deadline)
            ),
            "lower `max_attempts`, `base_delay` or `max_delay`, or raise `deadline`",
        );
    }
    findings
}

/// What operations share: a name, or the template of a key with scope and store. One type for every
/// rule, because a map for each is a tenth of what compiling this crate costs.
type Shared = (&'static str, Option<&'static str>, &'static str);

fn by_name(name: &'static str) -> Shared {
    (name, None, "")
}

/// Operations by something that they should agree on.
fn grouped(
    operations: &[&'static Operation],
    shared: fn(&'static Operation) -> Option<Shared>,
) -> BTreeMap<Shared, Vec<&'static Operation>> {
    let mut groups = BTreeMap::<Shared, Vec<_>>::new();
    for operation in operations {
        if let Some(shared) = shared(operation) {
            groups.entry(shared).or_default().push(*operation);
        }
    }
    groups
}

fn places(group: &[&'static Operation]) -> Vec<(&'static str, u32)> {
    group.iter().map(|operation| (operation.file, operation.line)).collect()
}

fn breakers(operations: &[&'static Operation], conflicts: &[&'static str]) -> Vec<Finding> {
    let groups = grouped(operations, |operation| {
        operation.details.breaker.map(|breaker| by_name(breaker.name()))
    });
    let finding = |name: &'static str, places| Finding {
        kind: FindingKind::ConflictingBreakers,
        subject: name,
        places,
        message: format!(
            "the circuit breaker \"{name}\" has different settings in different places: those that \
             are used first hold"
        ),
        help: "give the functions the same options, or one `static` `CircuitBreaker` by path"
            .into(),
    };
    let mut findings: Vec<_> = groups
        .into_iter()
        .filter(|(_, group)| {
            let configured =
                |operation: &&'static Operation| Some(operation.details.breaker?.configuration());
            let mut all = group.iter().filter_map(configured);
            let first = all.next();
            all.any(|other| Some(other) != first)
        })
        .map(|((name, ..), group)| finding(name, places(&group)))
        .collect();
    // Breakers made by hand are known by what happened when they were registered.
    for &name in conflicts {
        if !findings.iter().any(|known| known.subject == name) {
            findings.push(finding(name, Vec::new()));
        }
    }
    findings
}

fn budgets(operations: &[&'static Operation]) -> Vec<Finding> {
    fn named(operation: &'static Operation) -> Option<(&'static str, &'static RetryBudget)> {
        match operation.listed_policy()?.budget {
            BudgetSource::Named(name, own) => Some((name, own.get())),
            _ => None,
        }
    }
    let groups = grouped(operations, |operation| named(operation).map(|(name, _)| by_name(name)));
    groups
        .into_iter()
        .filter(|(_, group)| {
            let mut budgets = group.iter().filter_map(|operation| named(operation));
            let first = budgets.next();
            budgets.any(|(_, other)| first.is_some_and(|(_, first)| !other.agrees_with(first)))
        })
        .map(|((name, ..), group)| Finding {
            kind: FindingKind::ConflictingBudgets,
            subject: name,
            places: places(&group),
            message: format!(
                "the retry budget \"{name}\" has different settings in different places: those \
                 that are used first hold"
            ),
            help: "give the functions the same settings, or one `static` `RetryBudget` by path"
                .into(),
        })
        .collect()
}

/// Two functions whose keys are equal take each other's results for their own.
fn templates(operations: &[&'static Operation]) -> Vec<Finding> {
    let groups = grouped(operations, |operation| {
        let key = operation.details.key.as_ref()?;
        // Of two stores that the source calls differently, neither sees the other's keys.
        Some((key.template, key.scope, key.store))
    });
    groups
        .into_iter()
        .filter(|(_, group)| group.len() > 1)
        .map(|((template, scope, _), group)| {
            let scope = scope.map_or(String::new(), |scope| format!(" in the scope \"{scope}\""));
            let names: Vec<_> =
                group.iter().map(|operation| format!("`{}`", operation.name)).collect();
            Finding {
                kind: FindingKind::SharedKeyTemplate,
                subject: template,
                places: places(&group),
                message: format!(
                    "{} share the key \"{template}\"{scope}: each would return the other's result",
                    names.join(" and ")
                ),
                help: "write `scope = \"…\"` on each, or put a word into the template".into(),
            }
        })
        .collect()
}

fn names(operations: &[&'static Operation]) -> Vec<Finding> {
    let groups = grouped(operations, |operation| Some(by_name(operation.name)));
    groups
        .into_iter()
        .filter(|(_, group)| group.iter().any(|other| !ptr::eq(*other, group[0])))
        .map(|((name, ..), group)| Finding {
            kind: FindingKind::SameName,
            subject: name,
            places: places(&group),
            message: format!("{} functions are called `{name}`: metrics add them up", group.len()),
            help: "write `name = \"…\"` on each".into(),
        })
        .collect()
}

pub(super) fn incomplete() -> Finding {
    Finding {
        kind: FindingKind::Incomplete,
        subject: "steadfast",
        places: Vec::new(),
        message: "this build lists only functions that have failed at least once, so that the \
                  audit sees no others"
            .into(),
        help: "switch the feature `operations` on; on a target without constructors, audit on \
               another one"
            .into(),
    }
}

pub(super) fn unused(kind: FindingKind, subject: &str) -> Finding {
    Finding {
        kind: FindingKind::UnusedException,
        subject: "steadfast",
        places: Vec::new(),
        message: format!("nothing of the kind `{kind:?}` was found about `{subject}`"),
        help: "take the exception out".into(),
    }
}
