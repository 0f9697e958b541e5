//! Attributes of one function together, and how the other modules here ask for a fault.

mod breaker;
mod functions;
mod idempotent;

use std::str::FromStr;
use std::time::Duration;

use proc_macro2::TokenStream;

use crate::diagnostics::{Diagnostics, source};
use crate::model::Stack;
use crate::parse::stack;
use crate::siblings::{self, Attribute};
use crate::signature::Function;
use crate::validate;

/// A function with attributes: what was read, and every fault.
fn read(item: &str) -> (Stack, Vec<String>) {
    let tokens = TokenStream::from_str(item).unwrap_or_else(|_| panic!("{item} are no tokens"));
    let mut diagnostics = Diagnostics::default();
    let mut function = Function::read(&tokens).unwrap();
    let first = function.attributes.remove(0);
    let args = match &first.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let name = first.path().segments.last().unwrap().ident.to_string();
    let first = [Attribute::Idempotent, Attribute::Retry, Attribute::Breaker]
        .into_iter()
        .find(|attribute| attribute.name() == name)
        .unwrap();
    let (siblings, _) = siblings::collect(first, args, &mut function, &mut diagnostics);
    let read = stack(siblings, &function.facts(), &mut diagnostics);
    validate::stack(&read, &mut diagnostics);
    validate::function(&function, first, &read, &mut diagnostics);
    (read.into_model(), diagnostics.messages())
}

const FUNCTION: &str =
    "async fn charge(store: &Store, order_id: u64, r#type: u8) -> Result<T, E> {}";

#[track_caller]
fn accepted(attributes: &str) -> Stack {
    let (stack, messages) = read(&format!("{attributes} {FUNCTION}"));
    assert!(messages.is_empty(), "`{attributes}` was refused: {messages:#?}");
    stack
}

#[track_caller]
fn refused_below(function: &str, attributes: &str, what: &str, help: &str) {
    let (_, messages) = read(&format!("{attributes} {function}"));
    assert_eq!(messages, [format!("{what}\nhelp: {help}")], "`{attributes}`");
}

/// One fault, its first line and its help.
#[track_caller]
fn refused(attributes: &str, what: &str, help: &str) {
    refused_below(FUNCTION, attributes, what, help);
}

#[test]
fn a_stack_is_read_from_all_its_attributes_under_any_path() {
    let stack = accepted(
        "#[idempotent(key = \"a_{order_id}\", replay = \"unsent\")] #[doc = \"x\"] \
         #[steadfast::retry(max_attempts = 4)] #[::other::circuit_breaker(PAYMENTS)]",
    );
    assert!(stack.idempotent.is_some() && stack.breaker.is_some());
    assert_eq!(source(&stack.retry.unwrap().max_attempts.unwrap().value), "4");
}

#[test]
fn a_stack_in_another_order_is_refused_with_the_right_one() {
    refused(
        "#[retry(max_attempts = 4)] #[idempotent(key = \"a_{order_id}\", replay = \"keyed\")]",
        "`idempotent` stands below `retry`: every attempt would make a claim of its own",
        "write them in this order:\n  \
         #[idempotent(key = \"a_{order_id}\", replay = \"keyed\")]\n  #[retry(max_attempts = 4)]",
    );
    refused(
        "#[circuit_breaker(PAYMENTS)] #[retry]",
        "`retry` stands below `circuit_breaker`: the breaker would see calls instead of attempts",
        "write them in this order:\n  #[retry]\n  #[circuit_breaker(PAYMENTS)]\n\
         and add `per = \"call\"` to the breaker if it is to stand around the retry",
    );
    refused(
        "#[circuit_breaker(PAYMENTS)] #[idempotent(key = \"a_{order_id}\")]",
        "`idempotent` stands below `circuit_breaker`: an open circuit would refuse even what is stored",
        "write them in this order:\n  #[idempotent(key = \"a_{order_id}\")]\n  \
         #[circuit_breaker(PAYMENTS)]",
    );
}

#[test]
fn an_attribute_stands_once_and_with_parentheses() {
    refused(
        "#[retry] #[circuit_breaker(A)] #[circuit_breaker(B)]",
        "`circuit_breaker` stands twice on one function",
        "write its options in one `#[circuit_breaker(…)]`",
    );
    refused(
        "#[retry] #[circuit_breaker = \"payments\"]",
        "`circuit_breaker` takes its options in parentheses",
        "write `#[circuit_breaker(name = \"payments\")]`",
    );
}

#[test]
fn an_idempotent_retry_chooses_what_it_may_replay() {
    let (_, messages) =
        read(&format!("#[idempotent(key = \"a_{{order_id}}\")] #[retry] {FUNCTION}"));
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].starts_with("`idempotent` above `retry` needs `replay`"), "{messages:#?}");
    // Alone, nothing is retried: what surely was not sent is the only thing that may run again.
    accepted("#[idempotent(key = \"a_{order_id}\")]");
    // A value that was refused has been said.
    let (_, messages) = read(&format!(
        "#[idempotent(key = \"a_{{order_id}}\", replay = \"x\")] #[retry] {FUNCTION}"
    ));
    assert_eq!(messages.len(), 1, "{messages:#?}");
}

#[test]
fn a_record_outlives_the_retrying() {
    let stack = |idempotent: &str, retry: &str| {
        format!(
            "#[idempotent(key = \"a_{{order_id}}\", replay = \"keyed\"{idempotent})] #[retry({retry})]"
        )
    };
    let shorter = |ttl: &str, horizon: &str| {
        format!("`ttl` ({ttl}) is shorter than the retrying can last ({horizon})")
    };
    let write = |horizon: &str| {
        format!("write `ttl = \"{horizon}\"` or more, or lower the `deadline` of the retry")
    };
    accepted(&stack(", ttl = \"30s\"", "deadline = \"30s\""));
    refused(&stack(", ttl = \"29s\"", "deadline = \"30s\""), &shorter("29s", "30s"), &write("30s"));
    // Two delays of 1s and 2s, three attempts of 5s.
    accepted(&stack(", ttl = \"18s\"", "attempt_timeout = \"5s\""));
    refused(
        &stack(", ttl = \"17s\"", "attempt_timeout = \"5s\""),
        &shorter("17s", "18s"),
        &write("18s"),
    );
    refused(&stack("", "deadline = \"48h\""), &shorter("24h by default", "48h"), &write("48h"));
    // What only the compiler or a policy knows.
    accepted(&stack(", ttl = \"1s\"", "deadline = LIMIT"));
    accepted(&stack(", ttl = \"1s\"", "policy = POLICY"));
    accepted(&stack(", ttl = \"1s\"", "max_attempts = N"));
    accepted(&stack(", ttl = TTL", "deadline = \"48h\""));
}

#[test]
fn what_two_attributes_say_agrees() {
    let key = "key = \"a_{order_id}\", replay = \"keyed\"";
    accepted(&format!("#[idempotent({key}, context = a)] #[retry(context = a)]"));
    refused(
        &format!("#[idempotent({key}, context = a)] #[retry(context = b)]"),
        "`context` is `a` in one attribute of the stack and `b` in another",
        "write `context = a` in one of them and remove the other",
    );
    refused(
        &format!("#[idempotent({key}, name = \"a\")] #[retry(name = \"b\")]"),
        "`name` is `\"a\"` in one attribute of the stack and `\"b\"` in another",
        "write `name = \"a\"` in one of them and remove the other",
    );
    accepted("#[retry(crate = ::a)] #[circuit_breaker(P, crate = ::a)]");
    refused(
        "#[retry(crate = ::a)] #[circuit_breaker(P, crate = b)]",
        "`crate` is `::a` in one attribute of the stack and `b` in another",
        "write `crate = ::a` in one of them and remove the other",
    );
    refused(
        &format!("#[idempotent({key})] #[retry(when_value = pending)]"),
        "`when_value` polls, and `idempotent` would store the answer that was polled last, for good",
        "poll in a function of its own, without `#[idempotent]`",
    );
}

#[test]
fn a_breaker_agrees_with_the_retry_above_it() {
    let breaker = "#[circuit_breaker(name = \"p\", probe_timeout = \"4s\")]";
    accepted(&format!("#[retry(attempt_timeout = \"4s\")] {breaker}"));
    refused(
        &format!("#[retry(attempt_timeout = \"5s\")] {breaker}"),
        "`probe_timeout` (4s) is shorter than `attempt_timeout` (5s): a probe would be given up \
         while it runs",
        "raise `probe_timeout` to at least \"5s\", or remove it",
    );
    refused(
        "#[retry(attempt_timeout = \"5s\")] #[circuit_breaker(name = \"p\", slow_call = \"5s\")]",
        "`slow_call` (5s) is not shorter than `attempt_timeout` (5s), which cuts the call off before",
        "lower `slow_call` below \"5s\", or remove it",
    );
    accepted(
        "#[retry(attempt_timeout = \"5s\")] \
         #[circuit_breaker(name = \"p\", slow_call = \"5s\", per = \"call\")]",
    );
    refused(
        "#[retry(deadline = \"5s\")] \
         #[circuit_breaker(name = \"p\", slow_call = \"6s\", per = \"call\")]",
        "`slow_call` (6s) is not shorter than `deadline` (5s), which cuts the call off before",
        "lower `slow_call` below \"5s\", or remove it",
    );
    refused(
        "#[circuit_breaker(PAYMENTS, per = \"call\")]",
        "`per = \"call\"` puts the breaker around the retry, and there is no `#[retry]`",
        "remove it, or write `#[retry]` above",
    );
    // The rule of the retry is the rule of the breaker, even where nothing is retried.
    accepted("#[retry(max_attempts = 1, on = [A])] #[circuit_breaker(PAYMENTS)]");
}

#[test]
fn every_attribute_reports_its_faults_in_one_build() {
    let (_, messages) = read(&format!(
        "#[idempotent(key = \"a_{{order}}\", ttl = 5)] #[retry(max_attempts = 0)] \
         #[circuit_breaker(half_open_requests = 0)] {FUNCTION}"
    ));
    assert_eq!(messages.len(), 6, "{messages:#?}");
}

#[test]
fn const_expressions_of_a_stack_are_left_to_the_compiler() {
    let stack = accepted(
        "#[idempotent(key = \"a_{order_id}\", replay = \"keyed\", ttl = TTL, version = V)] \
         #[retry] #[circuit_breaker(name = \"p\", failure_rate = RATE, minimum_calls = N + 1, \
         recovery_timeout = Duration::from_secs(1), half_open_requests = { 2 })]",
    );
    assert!(stack.idempotent.unwrap().ttl.unwrap().value.literal().is_none());
    let breaker = stack.breaker.unwrap();
    assert_eq!(source(&breaker.failure_rate.unwrap().value), "RATE");
    assert_eq!(breaker.recovery_timeout.unwrap().value.literal(), None::<Duration>);
}
