//! What the attributes of a stack say, alone and together, and how they are refused, on plain
//! tokens.

use std::str::FromStr;
use std::time::Duration;

use proc_macro2::TokenStream;

use super::*;
use crate::diagnostics::source;
use crate::model::{
    BreakerSource, OnDrop, OnLeaseLost, OnStoreDown, OnUnknown, Per, Piece, Replay, Window,
};
use crate::siblings::{self, Attribute};
use crate::signature::Function;

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

fn breaker_of(attributes: &str) -> Breaker {
    accepted(attributes).breaker.expect("a breaker")
}

fn idempotent_of(attributes: &str) -> Idempotent {
    accepted(attributes).idempotent.expect("an idempotent function")
}

// ---- circuit_breaker ----

#[test]
fn every_option_of_a_breaker_reaches_the_model() {
    let model = breaker_of(
        r#"#[circuit_breaker(name = "payments", failure_rate = 0.25, window = 200,
        minimum_calls = 20, slow_call = "2s", slow_call_rate = 1, recovery_timeout = "10s",
        recovery_factor = 2, max_recovery_timeout = "5m", recovery_jitter = 0.2,
        half_open_requests = 3, probe_timeout = "20s", trip_on_success = true, on = [A],
        not_on = [B], ignore = [C], classify_value = c, key = "{order_id}", max_keys = 9,
        fallback = cached, map_open = from, per = "attempt", crate = ::other)]"#,
    );
    assert!(matches!(&model.source, BreakerSource::Name(name) if name.value.value() == "payments"));
    let text = |expr: &Option<Spanned<Expr>>| source(&expr.as_ref().unwrap().value);
    assert_eq!(text(&model.failure_rate), "0.25");
    assert_eq!(text(&model.slow_call_rate), "1.0");
    assert_eq!(text(&model.minimum_calls), "20");
    assert_eq!(text(&model.recovery_factor), "2.0");
    assert_eq!(text(&model.recovery_jitter), "0.2");
    assert_eq!(text(&model.half_open_requests), "3");
    assert_eq!(text(&model.max_keys), "9");
    assert_eq!(text(&model.fallback), "cached");
    assert_eq!(text(&model.map_open), "from");
    assert_eq!(text(&model.classify_value), "c");
    let window = model.window.unwrap().value;
    assert!(matches!(window, Window::Calls(calls) if source(&calls) == "200"));
    let seconds = |duration: &Option<Spanned<DurationValue>>| {
        duration.as_ref().unwrap().value.literal().unwrap().as_secs()
    };
    assert_eq!(seconds(&model.slow_call), 2);
    assert_eq!(seconds(&model.recovery_timeout), 10);
    assert_eq!(seconds(&model.max_recovery_timeout), 300);
    assert_eq!(seconds(&model.probe_timeout), 20);
    assert!(model.trip_on_success.unwrap().value.value && model.failure_threshold.is_none());
    assert!(matches!(model.rule.unwrap().value, Rule::On(on) if on.len() == 1));
    assert!(model.not_on.len() == 1 && model.ignore.len() == 1);
    assert_eq!(model.per.unwrap().value, Per::Attempt);
    assert_eq!(model.key.unwrap().value.text.value(), "{order_id}");
    assert_eq!(source(&model.crate_path.unwrap()), "::other");
}

#[test]
fn a_path_without_a_name_is_a_static_of_the_user() {
    for (path, beside) in [
        ("PAYMENTS", ""),
        ("PAYMENTS", ", on = [A], ignore = [B], fallback = f, map_open = m"),
        ("crate::breakers::PAYMENTS", ", not_on = [A]"),
        ("Self::BREAKER", ""),
        ("self::payments", ""),
    ] {
        let model = breaker_of(&format!("#[circuit_breaker({path}{beside})]"));
        assert!(
            matches!(&model.source, BreakerSource::Path(found) if source(&found.value) == path),
            "{path}"
        );
    }
}

#[test]
fn a_window_counts_calls_or_lasts_a_time() {
    let window = |text: &str| {
        let attribute =
            format!("#[circuit_breaker(name = \"p\", failure_rate = 0.5, window = {text})]");
        breaker_of(&attribute).window.unwrap().value
    };
    assert!(matches!(window("100"), Window::Calls(_)));
    assert!(matches!(window("CALLS * 2"), Window::Calls(_)));
    assert!(matches!(window("\"10s\""), Window::Time(DurationValue::Literal(_))));
    assert!(matches!(window("Duration::from_secs(10)"), Window::Time(DurationValue::Expr(_))));
    let wrong = |text: &str, what: &str, help: &str| {
        let attribute =
            format!("#[circuit_breaker(name = \"p\", failure_rate = 0.5, window = {text})]");
        refused(&attribute, what, help);
    };
    wrong("0", "`window` must be at least 1, found 0", "write `window = 100`");
    wrong("10001", "`window` can be at most 10000, found 10001", "write `window = 100`");
    wrong("\"0s\"", "`window` must be longer than no time, found 0s", "write `window = \"10s\"`");
    wrong("\"5ms\"", "`window` must be at least 100ms, found 5ms", "write `window = \"10s\"`");
    wrong(
        "10s",
        "`window` needs a duration with a unit, found the integer 10s",
        "write `window = \"10s\"`; units are `ms`, `s`, `m`, `h`",
    );
    wrong(
        "\"100\"",
        "`window` needs a number of calls or a time, found the string \"100\"",
        "write `window = 100` for calls, `window = \"100s\"` for a time",
    );
}

#[test]
fn a_breaker_has_a_name_or_a_path() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[circuit_breaker({args})]"), what, help);
    };
    let nameless = "`circuit_breaker` does not say which breaker";
    let write = "write `name = \"payments\"`; functions with the same name share one";
    wrong("", nameless, write);
    wrong("failure_threshold = 3", nameless, write);
    wrong(
        "\"payments\"",
        "`circuit_breaker` takes its options by name, found the string \"payments\"",
        "write `name = \"payments\"`",
    );
    wrong(
        "payments",
        "`circuit_breaker` has no option `payments`",
        "write `name = \"payments\"`, or the path of a `static`: `#[circuit_breaker(PAYMENTS)]`",
    );
    wrong(
        "&PAYMENTS",
        "`circuit_breaker` takes the path of a `static CircuitBreaker`, found the reference \
         `&PAYMENTS`",
        "write `PAYMENTS`",
    );
    wrong("A, B", "`B` names a second breaker", "keep one of the paths");
    wrong(
        "PAYMENTS, name = \"p\"",
        "`name` stands beside `PAYMENTS`, which has a name of its own",
        "keep `PAYMENTS` or the `name`",
    );
    wrong(
        "PAYMENTS, failure_threshold = 3",
        "`failure_threshold` stands beside `PAYMENTS`, which has settings of its own",
        "write `.failure_threshold(…)` where `PAYMENTS` is defined",
    );
    wrong(
        "PAYMENTS, key = \"{order_id}\"",
        "`key` stands beside `PAYMENTS`, which is one breaker for every key",
        "write `name = \"…\"` and the settings instead of `PAYMENTS`",
    );
    wrong("name = \"\"", "`name` is empty, found \"\"", "write `name = \"payments\"`");
    wrong(
        "name = NAME",
        "`name` needs a string literal, found the path `NAME`",
        "write `name = \"payments\"`",
    );
}

#[test]
fn rates_are_shares_of_calls() {
    for (value, found, help) in [
        ("50", "50", "0.5"),
        ("0", "0", "0.5"),
        ("0.0", "0.0", "0.5"),
        ("1.5", "1.5", "0.015"),
        ("101", "101", "0.5"),
        ("-0.5", "-0.5", "0.5"),
    ] {
        refused(
            &format!("#[circuit_breaker(name = \"p\", failure_rate = {value})]"),
            &format!("`failure_rate` is a share above 0 and at most 1, found {found}"),
            &format!("write `failure_rate = {help}`"),
        );
    }
    refused(
        "#[circuit_breaker(name = \"p\", failure_rate = \"30%\")]",
        "`failure_rate` needs a share of calls, found the string \"30%\"",
        "write `failure_rate = 0.3`",
    );
}

#[test]
fn settings_of_a_breaker_agree() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[circuit_breaker(name = \"p\", {args})]"), what, help);
    };
    wrong(
        "failure_threshold = 3, failure_rate = 0.5",
        "`failure_threshold` and `failure_rate` both decide when the breaker opens",
        "keep one of `failure_threshold` and `failure_rate`",
    );
    let rate = "write `failure_rate = 0.5` beside it, or remove it";
    for option in ["window = 10", "minimum_calls = 10", "trip_on_success = true"] {
        let name = option.split(' ').next().unwrap();
        let what = format!("`{name}` has no effect without `failure_rate` or `slow_call_rate`");
        wrong(option, &what, rate);
    }
    wrong(
        "failure_rate = 0.5, window = 10, minimum_calls = 11",
        "`minimum_calls` (11) is more than the `window` (10), so the breaker could never open",
        "lower `minimum_calls` to at most 10, or raise `window`",
    );
    wrong(
        "slow_call_rate = 0.5",
        "`slow_call_rate` has no effect without `slow_call`, which says what is slow",
        "write `slow_call = \"2s\"` beside it",
    );
    wrong(
        "max_recovery_timeout = \"5m\"",
        "`max_recovery_timeout` has no effect without `recovery_factor`, which lengthens repeated \
         breaks",
        "write `recovery_factor = 2.0` beside it, or remove it",
    );
    wrong(
        "recovery_factor = 2, max_recovery_timeout = \"10s\"",
        "`max_recovery_timeout` (10s) is shorter than `recovery_timeout` (30s by default)",
        "raise `max_recovery_timeout` to at least \"30s\", or lower `recovery_timeout`",
    );
    wrong(
        "max_keys = 3",
        "`max_keys` has no effect without `key`",
        "write `key = \"{host}\"` beside it, or remove it",
    );
    let at_least = "write `half_open_requests = 1`";
    wrong("half_open_requests = 0", "`half_open_requests` must be at least 1, found 0", at_least);
    wrong(
        "failure_threshold = 0",
        "`failure_threshold` must be at least 1, found 0",
        "write `failure_threshold = 5`",
    );
    wrong(
        "failure_threshold = 1048576",
        "`failure_threshold` can be at most 1048575, found 1048576",
        "write `failure_threshold = 5`",
    );
    wrong(
        "recovery_factor = 0.5",
        "`recovery_factor` must be between 1 and 1000, found 0.5",
        "write `recovery_factor = 2.0`",
    );
    wrong(
        "recovery_jitter = 1.5",
        "`recovery_jitter` must be between 0 and 1, found 1.5",
        "write `recovery_jitter = 0.1`",
    );
    wrong(
        "recovery_timeout = \"0s\"",
        "`recovery_timeout` must be longer than no time, found 0s",
        "write `recovery_timeout = \"30s\"`",
    );
}

#[test]
fn errors_of_a_breaker_are_listed_once() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[circuit_breaker(PAYMENTS, {args})]"), what, help);
    };
    wrong(
        "on = [A], when = f",
        "`on` and `when` both decide what counts as a failure",
        "keep one of `on` and `when`",
    );
    let one = "keep it in one of the two; what `ignore` lists is neither failure nor success";
    wrong("on = [A, B], ignore = [B]", "`B` is listed in `on` and in `ignore`", one);
    wrong("not_on = [A], ignore = [A]", "`A` is listed in `not_on` and in `ignore`", one);
    wrong(
        "ignore = any",
        "`ignore = any` would never open the breaker",
        "remove the attribute, or list what is neither failure nor success",
    );
    wrong(
        "on = [_]",
        "the entry `_` of `on` matches every error",
        "write `on = any` to count every error as a failure",
    );
}

#[test]
fn words_of_other_breakers_name_the_option() {
    for (args, word, help) in [
        ("slidingWindowSize = 50", "slidingWindowSize", "window = 50"),
        ("failureRateThreshold = 50", "failureRateThreshold", "failure_rate = 0.5"),
        (
            "waitDurationInOpenState = 5000",
            "waitDurationInOpenState",
            "recovery_timeout = \"5000ms\"",
        ),
        (
            "permittedNumberOfCallsInHalfOpenState = 3",
            "permittedNumberOfCallsInHalfOpenState",
            "half_open_requests = 3",
        ),
        ("minimumNumberOfCalls = 10", "minimumNumberOfCalls", "minimum_calls = 10"),
        ("FailureRatio = 0.1", "FailureRatio", "failure_rate = 0.1"),
        ("SamplingDuration = \"30s\"", "SamplingDuration", "window = \"30s\""),
        ("MinimumThroughput = 100", "MinimumThroughput", "minimum_calls = 100"),
        ("BreakDuration = 5", "BreakDuration", "recovery_timeout = \"5s\""),
        ("MaxRequests = 2", "MaxRequests", "half_open_requests = 2"),
        ("fail_max = 5", "fail_max", "failure_threshold = 5"),
        ("reset_timeout = 60", "reset_timeout", "recovery_timeout = \"60s\""),
        ("recovery_timout = \"5s\"", "recovery_timout", "recovery_timeout = \"5s\""),
        ("ignoreExceptions = A", "ignoreExceptions", "ignore = [A]"),
    ] {
        refused(
            &format!("#[circuit_breaker(name = \"p\", {args})]"),
            &format!("`circuit_breaker` has no option `{word}`"),
            &format!("write `{help}`"),
        );
    }
}

// ---- idempotent ----

#[test]
fn every_option_of_an_idempotent_function_reaches_the_model() {
    let model = idempotent_of(
        r#"#[idempotent(key = "order_{order_id}", ttl = "48h", store = store, fingerprint(store),
        lease = "10s", wait = "0s", replay = "keyed", on_unknown = "rerun", on_store_down = "run",
        on_drop = "detach", on_lease_lost = "continue", scope = "s", version = 2,
        record_errors = true, map_error = from, context = attempt, name = "charge",
        crate = ::other)]"#,
    );
    assert_eq!(model.key.value.text.value(), "order_{order_id}");
    let seconds = |duration: &Option<Spanned<DurationValue>>| {
        duration.as_ref().unwrap().value.literal().unwrap().as_secs()
    };
    assert_eq!(
        (seconds(&model.ttl), seconds(&model.lease), seconds(&model.wait)),
        (172_800, 10, 0)
    );
    assert_eq!(model.fingerprint.iter().map(ToString::to_string).collect::<Vec<_>>(), ["store"]);
    assert_eq!(model.replay.unwrap().value, Replay::Keyed);
    assert!(matches!(model.on_unknown.unwrap().value, OnUnknown::Rerun));
    assert_eq!(model.on_store_down.unwrap().value, OnStoreDown::Run);
    assert_eq!(model.on_drop.unwrap().value, OnDrop::Detach);
    assert_eq!(model.on_lease_lost.unwrap().value, OnLeaseLost::Continue);
    assert_eq!(model.scope.unwrap().value.value(), "s");
    assert_eq!(source(&model.version.unwrap().value), "2");
    assert!(model.record_errors.unwrap().value.value && model.map_error.is_some());
    assert_eq!(model.context.unwrap().to_string(), "attempt");
    assert_eq!(model.name.unwrap().value.value(), "charge");
    assert!(model.store.is_some() && model.crate_path.is_some());
}

#[test]
fn a_key_is_text_and_arguments_in_turn() {
    let pieces = |key: &str| -> Vec<String> {
        let model = idempotent_of(&format!("#[idempotent(key = {key:?}, scope = \"s\")]"));
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) => format!("{text:?}"),
            Piece::Argument(name) => name.to_string(),
        };
        model.key.value.pieces.iter().map(piece).collect()
    };
    assert_eq!(pieces("order_{order_id}_x"), ["\"order_\"", "order_id", "\"_x\""]);
    assert_eq!(pieces("{order_id}{ type }"), ["order_id", "r#type"]);
    assert_eq!(pieces("{{{order_id}}}"), ["\"{\"", "order_id", "\"}\""]);
}

#[test]
fn a_key_identifies_the_call() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[idempotent({args})]"), what, help);
    };
    wrong(
        "",
        "`idempotent` does not say which calls are the same",
        "write `key = \"store_{store}\"`, made of what identifies the effect",
    );
    wrong(
        "\"order_{order_id}\"",
        "`idempotent` takes its options by name, found the string \"order_{order_id}\"",
        "write `key = \"order_{order_id}\"`",
    );
    wrong("key = \"\"", "`key` is empty, found \"\"", "write `key = \"order_{order_id}\"`");
    wrong(
        "key = \"order\"",
        "`key` names no argument, found \"order\"",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "key = \"order_{oder_id}\"",
        "`{oder_id}` in `key` names no argument of the function",
        "write `{order_id}`",
    );
    wrong(
        "key = \"order_{}\"",
        "`key` has an empty placeholder, found \"order_{}\"",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "key = \"order_{order_id\"",
        "`key` has a `{` that is never closed, found \"order_{order_id\"",
        "write `{{` for a brace in the text",
    );
    wrong(
        "key = \"{order_id}\"",
        "`key` has no text of its own, found \"{order_id}\": another function with such a key would \
         get the answer of this one",
        "write `key = \"order_{order_id}\"`, or `scope = \"…\"` beside it",
    );
    wrong(
        "key = KEY",
        "`key` needs a string literal, found the path `KEY`",
        "write `key = \"order_{order_id}\"`",
    );
    refused_below(
        "fn f() -> R {}",
        "#[idempotent(key = \"order\")]",
        "`key` names no argument, found \"order\"",
        "take what the key is made of as an argument of the function",
    );
}

#[test]
fn options_of_an_idempotent_function_are_checked() {
    let wrong = |args: &str, what: &str, help: &str| {
        refused(&format!("#[idempotent(key = \"a_{{order_id}}\", {args})]"), what, help);
    };
    wrong("ttl = \"0s\"", "`ttl` must be longer than no time, found 0s", "write `ttl = \"24h\"`");
    wrong(
        "lease = \"0s\"",
        "`lease` must be longer than no time, found 0s",
        "write `lease = \"30s\"`",
    );
    wrong("lease = \"5ms\"", "`lease` must be at least 30ms, found 5ms", "write `lease = \"30s\"`");
    wrong(
        "fingerprint(amount)",
        "`amount` in `fingerprint` names no argument of the function",
        "the arguments are `store`, `order_id` and `type`",
    );
    wrong(
        "fingerprint = order_id",
        "`fingerprint` takes arguments in parentheses, found `order_id`",
        "write `fingerprint(order_id)`",
    );
    wrong("replay = \"key\"", "`replay` cannot be \"key\"", "write `replay = \"keyed\"`");
    wrong(
        "on_unknown = rerun",
        "`on_unknown` needs a word in quotes, found the path `rerun`",
        "write `on_unknown = \"rerun\"`",
    );
    wrong(
        "store = \"redis://localhost\"",
        "`store` needs a store, found the string \"redis://localhost\"",
        "write an expression: `store = store` for an argument, `store = &STORE` for a `static`",
    );
    wrong(
        "context = order_id",
        "`context = order_id` would hide the argument `order_id`",
        "write `context = attempt`",
    );
    wrong("version = -1", "`version` must be at least 0, found -1", "write `version = 1`");
    wrong(
        "max_attempts = 3",
        "`idempotent` has no option `max_attempts`",
        "write it as `#[retry(max_attempts = 3)]` below `#[idempotent]`",
    );
    for (args, word, help) in [
        ("ttl_seconds = 3600", "ttl_seconds", "ttl = \"1h\""),
        ("expires_in = \"1h\"", "expires_in", "ttl = \"1h\""),
        ("lock_timeout = 5", "lock_timeout", "lease = \"5s\""),
        ("backend = redis", "backend", "store = redis"),
        ("finger_print(order_id)", "finger_print", "fingerprint(argument)"),
    ] {
        let what = format!("`idempotent` has no option `{word}`");
        wrong(args, &what, &format!("write `{help}`"));
    }
    refused(
        "#[idempotent(idempotency_key = \"a_{order_id}\")]",
        "`idempotent` has no option `idempotency_key`",
        "write `key = \"a_{order_id}\"`",
    );
}

// ---- the stack ----

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
fn functions_that_cannot_be_refused_or_answered_are_refused() {
    let breaker =
        "#[circuit_breaker(PAYMENTS, slow_call = \"1s\")]".replace(", slow_call = \"1s\"", "");
    refused_below(
        "fn f() {}",
        &breaker,
        "`f` returns `()`, which cannot fail",
        "return a `Result<T, E>` or an `Option<T>`",
    );
    refused_below(
        "fn f() {}",
        "#[circuit_breaker(name = \"p\", slow_call = \"1s\")]",
        "`f` returns `()`, which has no place for the error of an open circuit",
        "write `fallback = …` in the breaker, or return a `Result<(), E>`",
    );
    refused_below(
        "fn f(a: u8) -> () {}",
        "#[idempotent(key = \"a_{a}\")]",
        "`f` returns `()`, which has no place for the error of a duplicate",
        "return a `Result<(), E>`",
    );
    refused_below(
        "fn f() -> ! {}",
        &breaker,
        "`f` never returns, so there is nothing to guard",
        "return a `Result<T, E>` or an `Option<T>`",
    );
    refused_below(
        "fn f(a: u8, (b, c): (u8, u8)) -> R {}",
        "#[circuit_breaker(PAYMENTS, fallback = g)]",
        "`fallback` is called with the arguments by their names, and this one has none",
        "name it, and take it apart in the body: `let … = argument;`",
    );
    refused_below(
        "fn f(a: u8) -> R;",
        "#[idempotent(key = \"a_{a}\")]",
        "`idempotent` needs a body to run once, and this method has none",
        "put `#[idempotent]` on the methods of the `impl` blocks, or give this one a default body",
    );
    refused_below(
        "fn f(a: u8) -> R {}",
        "#[idempotent(key = \"a_{a}\", on_drop = \"detach\")]",
        "`on_drop` needs an `async fn`: a sync function cannot be dropped while it runs",
        "remove it, or make the function `async`",
    );
    refused_below(
        "fn f(a: u8) -> R {}",
        "#[idempotent(key = \"a_{a}\", on_lease_lost = \"cancel\")]",
        "`on_lease_lost = \"cancel\"` needs an `async fn`: a sync function cannot be cut off",
        "write `on_lease_lost = \"continue\"`, or make the function `async`",
    );
    assert!(
        read("#[circuit_breaker(name = \"p\", slow_call = \"1s\", fallback = g)] fn f() {}")
            .1
            .is_empty()
    );
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
