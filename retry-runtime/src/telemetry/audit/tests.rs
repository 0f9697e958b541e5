use std::time::Duration;

use super::*;
use crate::backoff::Jitter;
use crate::breaker::{Attached, CircuitBreaker};
use crate::budget::RetryBudget;
use crate::operation::State;
use crate::policy::{Nested, RetryPolicy};
use crate::telemetry::facts::KeyFacts;

static STATE: State = State::new();

const fn operation(name: &'static str, policy: Option<&RetryPolicy>) -> Operation {
    match policy {
        Some(policy) => Operation::new(name, "src/lib.rs", 7, &STATE, *policy),
        None => Operation::new(name, "src/lib.rs", 7, &STATE, RetryPolicy::SINGLE).without_retry(),
    }
}

fn kinds(operations: &[&'static Operation]) -> Vec<FindingKind> {
    Audit::of(operations, &[], true).findings().iter().map(|finding| finding.kind).collect()
}

const SAFE: RetryPolicy = RetryPolicy::new();

/// What is found about one function with this policy.
macro_rules! of_policy {
    ($policy:expr $(, $method:ident)?) => {{
        static POLICY: RetryPolicy = $policy;
        static OPERATION: Operation = operation("it", Some(&POLICY))$(.$method())?;
        kinds(&[&OPERATION])
    }};
}

#[test]
fn the_defaults_are_clean_where_nothing_can_hang() {
    assert_eq!(of_policy!(SAFE), []);
    assert_eq!(of_policy!(SAFE.attempt_timeout(Duration::from_secs(2)), asynchronous), []);
}

#[test]
fn each_option_that_makes_retries_harm_is_found() {
    assert_eq!(of_policy!(SAFE, asynchronous), [FindingKind::Unbounded]);
    assert_eq!(of_policy!(SAFE.nested(Nested::Allow)), [FindingKind::NestedAllowed]);
    assert_eq!(of_policy!(SAFE.jitter(Jitter::None)), [FindingKind::NoJitter]);
    assert_eq!(of_policy!(SAFE.without_budget()), [FindingKind::NoBudget]);
    assert_eq!(
        of_policy!(SAFE.max_attempts(9).deadline(Duration::from_secs(10)), asynchronous),
        [FindingKind::AttemptsBeyondDeadline]
    );
}

#[test]
fn options_of_retries_that_are_never_made_are_no_finding() {
    let once = of_policy!(
        SAFE.max_attempts(1).jitter(Jitter::None).without_budget().nested(Nested::Allow)
    );
    assert_eq!(once, []);
    assert_eq!(of_policy!(SAFE.jitter(Jitter::None).decorrelated()), []);
}

#[test]
fn notes_do_not_make_an_audit_unclean() {
    static POLICY: RetryPolicy = SAFE.max_attempts(9).deadline(Duration::from_secs(10));
    static OPERATION: Operation = operation("it", Some(&POLICY)).asynchronous();
    let audit = Audit::of(&[&OPERATION], &[], true);
    audit.assert_clean();
    assert_eq!(audit.findings().len(), 1);
}

#[test]
fn breakers_of_one_name_have_to_agree() {
    static A: Attached = Attached::named(CircuitBreaker::new("audit-same").failure_threshold(3));
    static B: Attached = Attached::named(CircuitBreaker::new("audit-same").failure_threshold(4));
    static C: Attached = Attached::named(CircuitBreaker::new("audit-same").failure_threshold(3));
    static ONE: Operation = operation("one", None).breaker(&A);
    static OTHER: Operation = operation("other", None).breaker(&B);
    static EQUAL: Operation = operation("equal", None).breaker(&C);
    assert_eq!(kinds(&[&ONE, &EQUAL]), []);
    assert_eq!(kinds(&[&ONE, &OTHER]), [FindingKind::ConflictingBreakers]);
    let by_hand = Audit::of(&[&ONE, &OTHER], &["audit-same", "made-by-hand"], true);
    let subjects: Vec<_> = by_hand.findings().iter().map(|finding| finding.subject).collect();
    assert_eq!(subjects, ["audit-same", "made-by-hand"]);
}

#[test]
fn budgets_of_one_name_have_to_agree() {
    static A: RetryBudget = RetryBudget::new(1.0, 5);
    static B: RetryBudget = RetryBudget::new(1.0, 6);
    static P: RetryPolicy = SAFE.named_budget("audit-same", &A);
    static Q: RetryPolicy = SAFE.named_budget("audit-same", &B);
    static ONE: Operation = operation("one", Some(&P));
    static OTHER: Operation = operation("other", Some(&Q));
    static EQUAL: Operation = operation("equal", Some(&P));
    assert_eq!(kinds(&[&ONE, &EQUAL]), []);
    assert_eq!(kinds(&[&ONE, &OTHER]), [FindingKind::ConflictingBudgets]);
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn two_functions_with_equal_keys_are_an_error_and_a_scope_tells_them_apart() {
    const KEY: KeyFacts = KeyFacts::new("order_{id}", DAY, || false);
    static ONE: Operation = operation("one", None).key(KEY);
    static OTHER: Operation = operation("other", None).key(KEY);
    static SCOPED: Operation = operation("scoped", None).key(KEY.scope("refunds"));
    static ELSEWHERE: Operation =
        operation("elsewhere", None).key(KEY.store("self.store", || false));
    assert_eq!(kinds(&[&ONE, &SCOPED, &ELSEWHERE]), []);
    assert_eq!(kinds(&[&ONE, &OTHER]), [FindingKind::SharedKeyTemplate]);
}

#[test]
fn results_in_memory_are_found_when_the_store_is_asked() {
    static ONE: Operation = operation("one", None).key(KeyFacts::new("order_{id}", DAY, || true));
    assert_eq!(kinds(&[&ONE]), [FindingKind::MemoryStore]);
}

#[test]
fn a_name_that_two_functions_have_is_a_note() {
    static ONE: Operation = operation("twin", Some(&SAFE));
    static OTHER: Operation = operation("twin", Some(&SAFE));
    assert_eq!(kinds(&[&ONE, &OTHER]), [FindingKind::SameName]);
    assert_eq!(kinds(&[&ONE]), []);
}

#[test]
fn a_list_that_is_not_complete_is_not_clean() {
    let audit = Audit::of(&[], &[], false);
    assert!(!audit.is_clean());
    assert!(audit.except(FindingKind::Incomplete, "steadfast").is_clean());
}

#[test]
fn an_exception_takes_its_finding_out_and_one_for_nothing_is_a_note() {
    static POLICY: RetryPolicy = SAFE.without_budget().jitter(Jitter::None);
    static OPERATION: Operation = operation("it", Some(&POLICY));
    let audit = Audit::of(&[&OPERATION], &[], true);
    assert!(!audit.is_clean());
    let audit = audit.except(FindingKind::NoBudget, "it").except(FindingKind::NoBudget, "other");
    let kinds: Vec<_> = audit.findings().iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [FindingKind::NoJitter, FindingKind::UnusedException]);
    assert!(audit.except_all(FindingKind::NoJitter).is_clean());
}

#[test]
fn it_prints_what_where_and_what_to_write() {
    static POLICY: RetryPolicy = SAFE.without_budget();
    static OPERATION: Operation = operation("it", Some(&POLICY));
    assert_eq!(
        Audit::of(&[&OPERATION], &[], true).to_string(),
        "warning: `it` retries without a budget: an outage of what it calls multiplies its load \
         by 3\n  --> src/lib.rs:7\n  help: leave `budget = none` out, or name a `RetryBudget`\n\n\
         audit of annotated functions: 0 errors, 1 warning, 0 notes\n"
    );
}
