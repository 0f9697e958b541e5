//! `#[retry]`: what reaches the model, and how the other modules here ask for a fault.

mod arguments;
mod budgets;
mod hostile;
mod options;
mod rules;
mod schedules;
mod values;

use std::time::Duration;

use proc_macro2::TokenStream;

use crate::diagnostics::{Diagnostics, source};
use crate::model::{Backoff, Budget, DurationValue, Jitter, Nested, Retry, Spanned};
use crate::parse::{Around, retry};
use crate::validate::FunctionFacts;

fn facts() -> FunctionFacts {
    FunctionFacts {
        is_async: true,
        arguments: ["self", "url", "tenant"].map(str::to_owned).to_vec(),
        instantiated: Vec::new(),
    }
}

fn sync() -> FunctionFacts {
    FunctionFacts { is_async: false, ..facts() }
}

fn read(args: &str, facts: &FunctionFacts) -> (Retry, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let tokens = args.parse().unwrap_or_else(|_| panic!("{args} are no tokens"));
    let around = Around { facts, place: &TokenStream::new(), alone: true };
    let read = retry(tokens, around, &mut diagnostics);
    (read.model, diagnostics.messages())
}

#[track_caller]
fn accepted(args: &str) -> Retry {
    let (model, messages) = read(args, &facts());
    assert!(messages.is_empty(), "`{args}` was refused: {messages:#?}");
    model
}

/// One fault, its first line and its help.
#[track_caller]
fn refused(args: &str, what: &str, help: &str) {
    refused_on(&facts(), args, what, help);
}

#[track_caller]
fn refused_on(facts: &FunctionFacts, args: &str, what: &str, help: &str) {
    let (_, messages) = read(args, facts);
    assert_eq!(messages, [format!("{what}\nhelp: {help}")], "`{args}`");
}

#[test]
fn nothing_said_is_nothing_in_the_model() {
    let model = accepted("");
    assert!(model.max_attempts.is_none() && model.rule.is_none() && model.clone.is_empty());
}

#[test]
fn every_option_reaches_the_model() {
    let model = accepted(
        r#"max_attempts = 5, on = [A], not_on = [B], classify_value = c, when_value = w,
        backoff = "exponential", base_delay = "200ms", max_delay = "10s", factor = 1.5,
        jitter = "equal", attempt_timeout = "2s", deadline = "1m", max_retry_after = "30s",
        budget = none, clone(url, self), context = attempt, on_retry = hook, nested = "allow",
        name = "fetch", sleep = a::sleep, map_timeout = from, log_errors = false, log_limit = 3,
        crate = ::other,"#,
    );
    assert!(model.max_attempts.is_some() && model.rule.is_some() && model.not_on.len() == 1);
    assert!(model.classify_value.is_some() && model.when_value.is_some());
    assert!(matches!(model.backoff.unwrap().value, Backoff::Exponential));
    let millis =
        |duration: Option<Spanned<DurationValue>>| duration.unwrap().value.literal().unwrap();
    assert_eq!(millis(model.base_delay), Duration::from_millis(200));
    assert_eq!(millis(model.max_delay), Duration::from_secs(10));
    assert_eq!(millis(model.attempt_timeout), Duration::from_secs(2));
    assert_eq!(millis(model.max_retry_after), Duration::from_secs(30));
    assert_eq!(model.jitter.unwrap().value, Jitter::Equal);
    assert_eq!(model.nested.unwrap().value, Nested::Allow);
    let deadline = model.deadline.unwrap().value;
    assert!(!deadline.soft && deadline.value.literal() == Some(Duration::from_secs(60)));
    assert!(matches!(model.budget.unwrap().value, Budget::None));
    assert_eq!(model.clone.iter().map(ToString::to_string).collect::<Vec<_>>(), ["url", "self"]);
    assert_eq!(model.context.unwrap().to_string(), "attempt");
    assert!(model.factor.is_some() && model.on_retry.is_some() && model.sleep.is_some());
    assert!(model.map_timeout.is_some() && model.log_limit.is_some());
    assert_eq!(model.name.unwrap().value.value(), "fetch");
    assert!(!model.log_errors.unwrap().value.value);
    assert_eq!(source(&model.crate_path.unwrap()), "::other");
}

#[test]
fn const_expressions_are_left_to_the_compiler() {
    let model = accepted(
        "max_attempts = LIMIT + 1, base_delay = Duration::from_millis(3), factor = const { 2.0 }, \
         backoff = Fibonacci::new(3), deadline = soft(DEADLINE), policy = policies::STANDARD",
    );
    assert!(matches!(model.base_delay.unwrap().value, DurationValue::Expr(_)));
    assert!(matches!(model.backoff.unwrap().value, Backoff::Custom(_)));
    let deadline = model.deadline.unwrap().value;
    assert!(deadline.soft && deadline.value.literal().is_none());
}

#[test]
fn commas_in_generics_and_closures_split_nothing() {
    let model = accepted(
        "when = check::<A, B>, when_value = |a| a < 3, on_retry = move |event, | (), policy = <P<A, B> as Q>::R",
    );
    assert!(model.rule.is_some() && model.when_value.is_some() && model.policy.is_some());
    assert_eq!(source(&model.on_retry.unwrap().value), "move |event,| ()");
}

#[test]
fn an_integer_factor_becomes_a_float() {
    assert_eq!(source(&accepted("factor = 3").factor.unwrap().value), "3.0");
    assert_eq!(source(&accepted("factor = 1").factor.unwrap().value), "1.0");
}
