//! What attributes say, and how they are refused, on plain tokens.

use std::fmt::Write as _;
use std::time::Duration;

use proc_macro2::TokenStream;

use super::*;
use crate::diagnostics::source;
use crate::model::{Backoff, Budget, Entry, Jitter, Nested};

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

fn on_of(model: &Retry) -> &[Entry] {
    match &model.rule.as_ref().expect("a rule").value {
        Rule::On(entries) => entries,
        _ => panic!("another rule than `on`"),
    }
}

fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Type(ty) => format!("type {}", source(ty)),
        Entry::Variant { owner, variant } => {
            format!("variant {} of {}", source(variant), source(owner))
        }
        Entry::Pattern { owner, pattern } => match owner {
            Some(owner) => format!("pattern {} of {}", source(pattern), source(owner)),
            None => format!("pattern {}", source(pattern)),
        },
    }
}

// ---- what is accepted ----

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

#[test]
fn entries_are_told_apart_by_how_they_are_written() {
    let model = accepted(
        "on = [TimeoutError, io::Error, Wrapped<A, B>, ApiError::Timeout, io::ErrorKind::TimedOut, \
         Self::Gone, <E as Trait>::Error, Http { status: 500..=599, .. }, ApiError::Status(503), \
         500..=599, ApiError::A | ApiError::B { .. }, is(module::Lower::Type), status @ 503, \
         Generic::<A>::Variant, Box<dyn Error + Send>, (A, _),]",
    );
    let entries: Vec<String> = on_of(&model).iter().map(describe).collect();
    assert_eq!(
        entries,
        [
            "type TimeoutError",
            "type io::Error",
            "type Wrapped<A, B>",
            "variant ApiError::Timeout of ApiError",
            "variant io::ErrorKind::TimedOut of io::ErrorKind",
            "variant Self::Gone of Self",
            "type <E as Trait>::Error",
            "pattern Http { status: 500..=599, .. } of Http",
            "pattern ApiError::Status(503) of ApiError",
            "pattern 500..=599",
            "pattern ApiError::A | ApiError::B { .. } of ApiError",
            "type module::Lower::Type",
            "pattern status@503",
            "variant Generic::<A>::Variant of Generic::<A>",
            "type Box<dyn Error + Send>",
            "pattern (A, _)",
        ]
    );
}

#[test]
fn on_any_retries_every_error() {
    assert!(matches!(accepted("on = any").rule.unwrap().value, Rule::Any));
    assert!(matches!(accepted("classify = c").rule.unwrap().value, Rule::Classify(_)));
}

#[test]
fn budgets_come_in_three_forms() {
    assert!(matches!(accepted("budget = B").budget.unwrap().value, Budget::Path(_)));
    let inline = |args| match accepted(args).budget.unwrap().value {
        Budget::Inline(inline) => inline,
        _ => panic!("no inline budget"),
    };
    let budget =
        inline(r#"budget(ratio = 1, max_tokens = 10, name = "p", key = "{tenant}-{{x}}")"#);
    assert_eq!(source(&budget.ratio.unwrap().value), "1.0");
    assert!(budget.name.is_some() && budget.key.is_some() && budget.max_tokens.is_some());
    assert!(inline("budget(tokens_per_second = 0.5)").tokens_per_second.is_some());
}

#[test]
fn a_policy_may_say_what_the_attribute_does_not() {
    accepted(r#"policy = P, base_delay = "5m""#);
    accepted(r#"policy = P, max_delay = "1ms""#);
    accepted(r#"policy = P, deadline = "1s", jitter = "none""#);
    accepted("policy = P, map_timeout = f");
}

#[test]
fn schedules_that_can_fit_are_accepted() {
    // Full jitter can draw nothing at all.
    accepted(r#"max_attempts = 10, deadline = "1s""#);
    accepted(r#"max_attempts = 3, deadline = "3s", jitter = "none""#);
    accepted(r#"max_attempts = 3, deadline = "1.5s", jitter = "equal""#);
    accepted(r#"max_attempts = 4294967295, base_delay = "0s", deadline = "1s", jitter = "none""#);
    accepted(r#"backoff = "decorrelated", max_attempts = 50, deadline = "1s", jitter = "none""#);
}

// ---- what is refused ----

#[test]
fn unknown_options_name_the_one_that_was_meant() {
    for (args, what, help) in [
        (
            "max_retries = 3",
            "max_retries",
            "write `max_attempts = 4`; `max_attempts` counts the first call too",
        ),
        (
            "retries = n",
            "retries",
            "write `max_attempts = 3`; `max_attempts` counts the first call too",
        ),
        ("tries = 5", "tries", "write `max_attempts = 5`"),
        ("maxAttempts = 5", "maxAttempts", "write `max_attempts = 5`"),
        ("max-attempts = 5", "max-attempts", "write `max_attempts = 5`"),
        (
            "maxRetries = 2",
            "maxRetries",
            "write `max_attempts = 3`; `max_attempts` counts the first call too",
        ),
        ("max_attemps = 2", "max_attemps", "write `max_attempts = 2`"),
        ("delay = \"2s\"", "delay", "write `base_delay = \"2s\"`"),
        ("initial_interval = 100", "initial_interval", "write `base_delay = \"100ms\"`"),
        ("min_delay = 2", "min_delay", "write `base_delay = \"2s\"`"),
        ("max_backoff = dur()", "max_backoff", "write `max_delay = \"60s\"`"),
        ("multiplier = 3.0", "multiplier", "write `factor = 3.0`"),
        ("retry_on = TimeoutError", "retry_on", "write `on = [TimeoutError]`"),
        ("retry_for = (A, B)", "retry_for", "write `on = [A, B]`"),
        ("exclude = [NotFound]", "exclude", "write `not_on = [NotFound]`"),
        ("retry_if = is_it", "retry_if", "write `when = is_it`"),
        ("max_elapsed_time = \"5m\"", "max_elapsed_time", "write `deadline = \"5m\"`"),
        (
            "timeout = 5",
            "timeout",
            "write `attempt_timeout = \"5s\"` to bound one attempt, `deadline = \"5s\"` to bound \
             the whole call",
        ),
        (
            "stop = stop_after_attempt(3)",
            "stop",
            "write `max_attempts = 3` to stop after a number of calls, `deadline = \"30s\"` after \
             a time",
        ),
        (
            "wait = wait_fixed(3)",
            "wait",
            "write `base_delay = \"1s\"` and `backoff = \"exponential\"`, which is the default",
        ),
        ("randomization_factor = 0.5", "randomization_factor", "write `jitter = \"full\"`"),
        ("before_sleep = log", "before_sleep", "write `on_retry = log`"),
        ("notify", "notify", "write `on_retry = log_retry`"),
        (
            "failure_threshold = 5",
            "failure_threshold",
            "write it as `#[circuit_breaker(failure_threshold = 5)]` below `#[retry]`",
        ),
        ("clones(url)", "clones", "write `clone(argument)`"),
    ] {
        refused(args, &format!("`retry` has no option `{what}`"), help);
    }
    let mut all = String::from("the options are ");
    for option in RetryOption::ALL {
        write!(all, "`{}`, ", option.name()).unwrap();
    }
    refused("zebra = 1", "`retry` has no option `zebra`", all.trim_end_matches(", "));
}

#[test]
fn options_are_written_as_name_and_value() {
    refused("max_attempts", "`max_attempts` needs a value", "write `max_attempts = 3`");
    refused("max_attempts =", "`max_attempts` needs a value", "write `max_attempts = 3`");
    refused(
        "max_attempts(5)",
        "`max_attempts` takes its value behind `=`, found `(5)`",
        "write `max_attempts = 5`",
    );
    refused(
        "max_attempts: 5",
        "`max_attempts` takes its value behind `=`, found `max_attempts: 5`",
        "write `max_attempts = 5`",
    );
    refused(
        "3",
        "`retry` takes its options by name, found the integer 3",
        "write `max_attempts = 3`, for example",
    );
    refused(
        "max_attempts = 3, max_attempts = 4",
        "`max_attempts` is given twice",
        "keep one `max_attempts` and remove the other",
    );
    refused(
        "max_attempts = 3 jitter = \"none\"",
        "a comma is missing before `jitter`",
        "write `, jitter = \"none\"`",
    );
    refused(
        "on = [A] jitter = \"none\"",
        "a comma is missing before `jitter`",
        "write `, jitter = \"none\"`",
    );
    refused(
        "max_attempts = 3, , factor = 2.0",
        "an option is missing before this comma",
        "remove the comma",
    );
    refused(
        "max_attempts = 3 4",
        "`max_attempts` takes one value, found `4` behind it",
        "write `max_attempts = 3`",
    );
    refused(
        "max_attempts = = 3",
        "`max_attempts` needs an expression, found `= 3`",
        "write `max_attempts = 3`",
    );
}

#[test]
fn attempts_are_whole_and_at_least_one() {
    let help = "write `max_attempts = 3`";
    refused("max_attempts = 0", "`max_attempts` must be at least 1, found 0", help);
    refused("max_attempts = -1", "`max_attempts` must be at least 1, found -1", help);
    refused(
        "max_attempts = 4294967296",
        "`max_attempts` can be at most 4294967295, found 4294967296",
        help,
    );
    refused("max_attempts = 2.5", "`max_attempts` needs a whole number, found the float 2.5", help);
    refused(
        "max_attempts = \"5\"",
        "`max_attempts` needs a whole number, found the string \"5\"",
        "write `max_attempts = 5`",
    );
    refused(
        "max_attempts = true",
        "`max_attempts` needs a whole number, found the boolean true",
        help,
    );
    refused(
        "max_attempts = [3]",
        "`max_attempts` needs a whole number, found the list `[3]`",
        help,
    );
    refused("max_attempts = 3u8", "`max_attempts` is a `u32`, found `3u8`", help);
}

#[test]
fn durations_have_units() {
    let units = "units are `ms`, `s`, `m`, `h`";
    for (args, what, help) in [
        (
            "base_delay = 100",
            "`base_delay` needs a duration with a unit, found the integer 100",
            "write `base_delay = \"100ms\"`",
        ),
        (
            "deadline = 30",
            "`deadline` needs a duration with a unit, found the integer 30",
            "write `deadline = \"30s\"`",
        ),
        (
            "base_delay = 0.5",
            "`base_delay` needs a duration with a unit, found the float 0.5",
            "write `base_delay = \"0.5s\"`",
        ),
        (
            "base_delay = 100ms",
            "`base_delay` needs a duration with a unit, found the integer 100ms",
            "write `base_delay = \"100ms\"`",
        ),
        (
            "base_delay = \"100\"",
            "the duration \"100\" of `base_delay` has no unit",
            "write `base_delay = \"100ms\"`",
        ),
        (
            "base_delay = \"5 seconds\"",
            "the duration \"5 seconds\" of `base_delay` has the unknown unit \"seconds\"",
            "write `base_delay = \"5s\"`",
        ),
        (
            "max_delay = \"-5s\"",
            "the duration \"-5s\" of `max_delay` is negative",
            "write `max_delay = \"60s\"`",
        ),
        (
            "max_delay = \"\"",
            "the duration \"\" of `max_delay` is empty",
            "write `max_delay = \"60s\"`",
        ),
        (
            "max_delay = \"99999999999999999999s\"",
            "the duration \"99999999999999999999s\" of `max_delay` is longer than a `Duration` can \
             be",
            "write `max_delay = \"60s\"`",
        ),
        (
            "deadline = true",
            "`deadline` needs a duration with a unit, found the boolean true",
            "write `deadline = \"30s\"`",
        ),
        (
            "deadline = soft(5)",
            "`deadline` needs a duration with a unit, found the integer 5",
            "write `deadline = soft(\"5s\")`",
        ),
    ] {
        refused(args, what, &format!("{help}; {units}"));
    }
    refused(
        "deadline = \"0s\"",
        "`deadline` must be longer than no time, found 0s",
        "write `deadline = \"30s\"`",
    );
    refused(
        "attempt_timeout = \"0ms\"",
        "`attempt_timeout` must be longer than no time, found 0s",
        "write `attempt_timeout = \"5s\"`",
    );
    refused(
        "deadline = soft()",
        "`soft(…)` needs one duration, found `soft()`",
        "write `deadline = soft(\"30s\")`",
    );
}

#[test]
fn factors_are_finite_and_at_least_one() {
    let help = "write `factor = 2.0`";
    refused("factor = 0.5", "`factor` must be at least 1, found 0.5", help);
    refused("factor = -2.0", "`factor` must be at least 1, found -2.0", help);
    refused("factor = f64::NAN", "`factor` must be finite, found `f64::NAN`", help);
    refused(
        "factor = std::f64::INFINITY",
        "`factor` must be finite, found `std::f64::INFINITY`",
        help,
    );
    refused(
        "factor = 1e999",
        "`factor` must be finite, found 1e999, which is more than an `f64` holds",
        help,
    );
    refused(
        "factor = \"1.5\"",
        "`factor` needs a number, found the string \"1.5\"",
        "write `factor = 1.5`",
    );
    refused(
        "factor = 3.0, backoff = \"linear\"",
        "`factor` has no effect beside `backoff = \"linear\"`",
        "remove it, or write `backoff = \"exponential\"`",
    );
}

#[test]
fn words_are_written_in_quotes() {
    let choices = "write one of `\"full\"`, `\"equal\"` or `\"none\"`";
    refused("jitter = 0.5", "`jitter` needs a word in quotes, found the float 0.5", choices);
    refused("jitter = \"half\"", "`jitter` cannot be \"half\"", choices);
    refused("jitter = \"ful\"", "`jitter` cannot be \"ful\"", "write `jitter = \"full\"`");
    refused(
        "jitter = full",
        "`jitter` needs a word in quotes, found the path `full`",
        "write `jitter = \"full\"`",
    );
    refused(
        "jitter = false",
        "`jitter` needs a word in quotes, found the boolean false",
        "write `jitter = \"none\"`",
    );
    refused(
        "backoff = \"expo\"",
        "`backoff` cannot be \"expo\"",
        "write one of `\"exponential\"`, `\"linear\"`, `\"constant\"` or `\"decorrelated\"`",
    );
    refused(
        "backoff = linear",
        "`backoff` needs a word in quotes, found the path `linear`",
        "write `backoff = \"linear\"`",
    );
    refused(
        "backoff = 2",
        "`backoff` needs a word in quotes, found the integer 2",
        "write one of `\"exponential\"`, `\"linear\"`, `\"constant\"` or `\"decorrelated\"`",
    );
    refused("nested = \"alow\"", "`nested` cannot be \"alow\"", "write `nested = \"allow\"`");
    refused(
        "log_errors = \"no\"",
        "`log_errors` needs `true` or `false`, found the string \"no\"",
        "write `log_errors = false`",
    );
}

#[test]
fn paths_and_functions_are_written_without_quotes() {
    refused(
        "when = \"retry::is_it\"",
        "`when` needs a function `fn(&E) -> bool`, found the string \"retry::is_it\"",
        "write `when = retry::is_it`",
    );
    refused(
        "policy = &POLICY",
        "`policy` needs the path of a `static RetryPolicy`, found the reference `&POLICY`",
        "write `policy = POLICY`",
    );
    refused(
        "policy = RetryPolicy::new()",
        "`policy` needs the path of a `static RetryPolicy`, found the call `RetryPolicy::new()`",
        "write `policy = POLICY`",
    );
    refused(
        "crate = \"other\"",
        "`crate` needs a path, found the string \"other\"",
        "write `crate = other`",
    );
    refused(
        "on_retry = 5",
        "`on_retry` needs a function `fn(&RetryEvent)`, found the integer 5",
        "write `on_retry = log_retry`",
    );
}

#[test]
fn delays_do_not_cross() {
    refused(
        "base_delay = \"30s\", max_delay = \"5s\"",
        "`max_delay` (5s) is shorter than `base_delay` (30s)",
        "raise `max_delay` to at least \"30s\", or lower `base_delay`",
    );
    refused(
        "base_delay = \"2m\"",
        "`base_delay` (2m) is longer than `max_delay` (60s by default)",
        "write `max_delay = \"2m\"` or more beside it, or lower `base_delay`",
    );
    refused(
        "max_delay = \"500ms\"",
        "`max_delay` (500ms) is shorter than `base_delay` (1s by default)",
        "write `base_delay = \"50ms\"` beside it, or raise `max_delay`",
    );
    // The refused value is one fault, not two.
    refused(
        "max_delay = \"500ms\", base_delay = 10",
        "`base_delay` needs a duration with a unit, found the integer 10",
        "write `base_delay = \"10ms\"`; units are `ms`, `s`, `m`, `h`",
    );
}

#[test]
fn timeouts_and_deadlines_agree() {
    refused(
        "attempt_timeout = \"20s\", deadline = \"10s\"",
        "`attempt_timeout` (20s) is longer than `deadline` (10s)",
        "lower `attempt_timeout` to at most \"10s\", or raise `deadline`",
    );
    refused_on(
        &sync(),
        "attempt_timeout = \"5s\"",
        "`attempt_timeout` needs an `async fn`: a sync function cannot be cut off",
        "write `deadline = \"30s\"` to bound the retrying, or make the function `async`",
    );
    refused_on(
        &sync(),
        "sleep = f",
        "`sleep` needs an `async fn`: a sync function sleeps on its thread",
        "remove it, or make the function `async`",
    );
    refused(
        "map_timeout = f",
        "`map_timeout` is never called without `attempt_timeout` or `deadline`",
        "write `attempt_timeout = \"5s\"` beside it, or remove it",
    );
}

#[test]
fn schedules_that_can_never_fit_are_refused() {
    refused(
        "max_attempts = 6, deadline = \"5s\", jitter = \"none\"",
        "`deadline` (5s) ends before attempt 6 can begin: the delays take at least 31s",
        "raise `deadline` above \"31s\", or write `max_attempts = 3`",
    );
    refused(
        "max_attempts = 4, deadline = \"3s\", jitter = \"equal\"",
        "`deadline` (3s) ends before attempt 4 can begin: the delays take at least 3.5s",
        "raise `deadline` above \"3.5s\", or write `max_attempts = 3`",
    );
    refused(
        "deadline = soft(\"2.5s\"), backoff = \"linear\", jitter = \"none\"",
        "`deadline` (2.5s) ends before attempt 3 can begin: the delays take at least 3s",
        "raise `deadline` above \"3s\", or write `max_attempts = 2`",
    );
    refused(
        "deadline = \"1s\", backoff = \"constant\", base_delay = \"2s\", jitter = \"none\"",
        "`deadline` (1s) ends before attempt 3 can begin: the delays take at least 4s",
        "raise `deadline` above \"4s\", or lower `base_delay`",
    );
    refused(
        "max_attempts = 1000001, deadline = \"10h\", backoff = \"constant\", jitter = \"none\"",
        "`deadline` (10h) ends before attempt 1000001 can begin: the delays take at least \
         277h46m40s",
        "raise `deadline` above \"277h46m40s\", or write `max_attempts = 36001`",
    );
}

#[test]
fn a_single_attempt_has_nothing_to_configure() {
    refused(
        "max_attempts = 1, base_delay = \"1s\", on = [A]",
        "`max_attempts = 1` never retries, so `on` and `base_delay` have no effect",
        "write `max_attempts = 2` or more, or remove `on` and `base_delay`",
    );
    refused(
        "max_attempts = 1, jitter = \"none\"",
        "`max_attempts = 1` never retries, so `jitter` has no effect",
        "write `max_attempts = 2` or more, or remove `jitter`",
    );
    accepted("max_attempts = 1, budget = none, attempt_timeout = \"1s\", name = \"x\"");
}

#[test]
fn one_rule_decides() {
    refused(
        "on = [A], when = w",
        "`on` and `when` both decide which errors are retried",
        "keep one of `on` and `when`",
    );
    refused(
        "classify = c, on = any",
        "`classify` and `on` both decide which errors are retried",
        "keep one of `classify` and `on`",
    );
    refused(
        "on = [A, B], not_on = [B]",
        "`B` is listed in `on` and in `not_on`",
        "keep it in one of the two; `not_on` beats `on`",
    );
}

#[test]
fn lists_of_errors_are_refused_with_words() {
    let any = "write `on = any` to retry every error";
    for (args, what, help) in [
        (
            "on = TimeoutError",
            "`on` needs a list in brackets, found the path `TimeoutError`",
            "write `on = [TimeoutError]`",
        ),
        ("on(A, B)", "`on` needs a list behind `=`, found `(A, B)`", "write `on = [A, B]`"),
        (
            "on = (A, B)",
            "`on` needs a list in brackets, found the tuple `(A, B)`",
            "write `on = [A, B]`",
        ),
        (
            "on = \"TimeoutError\"",
            "`on` needs a list in brackets, found the string \"TimeoutError\"",
            "write `on = [TimeoutError]`",
        ),
        (
            "on = |e| e.is_it()",
            "`on` needs a list in brackets, found the closure `|e| e.is_it()`",
            "write `when = |e| e.is_it()`",
        ),
        (
            "on = []",
            "`on = []` lists nothing",
            "write `on = [TimeoutError]`, or `on = any` for every error",
        ),
        (
            "not_on = []",
            "`not_on = []` lists nothing",
            "write `not_on = [NotFound]`, or remove `not_on`",
        ),
        ("on = [A, B, A]", "`A` is listed twice in `on`", "remove one of the two"),
        ("on = [_]", "the entry `_` of `on` matches every error", any),
        ("on = [any]", "the entry `any` of `on` matches every error", any),
        ("on = [A { .. } | other]", "the entry `other` of `on` matches every error", any),
        (
            "on = [Http(x) if x == 3]",
            "an entry of `on` takes no `if`, found `if x == 3`",
            "write `when = |error| matches!(error, Http(x) if x == 3)`",
        ),
        (
            "on = [A(_) | B(_)]",
            "the cases `A(_)` and `B(_)` of one pattern belong to different types",
            "write them as entries of their own: `on = [A(_), B(_)]`",
        ),
        (
            "on = [&'static str]",
            "an entry of `on` is a type, a variant or a pattern, found `&'static str`",
            "write `on = [is(&'static str)]`",
        ),
        (
            "on = [|e| e.is_it()]",
            "an entry of `on` is a type, a variant or a pattern, found `|e| e.is_it()`",
            "write `when = |e| e.is_it()`",
        ),
        (
            "on = [is(A, B)]",
            "`is(…)` needs one type, found `A, B`",
            "write `on = [is(path::Type)]`",
        ),
        ("on = [A,, B]", "an entry of `on` is missing before this comma", "remove the comma"),
        (
            "not_on = any",
            "`not_on = any` would never retry",
            "remove the attribute, or list what is not retried",
        ),
    ] {
        refused(args, what, help);
    }
}

#[test]
fn names_are_short_and_printable() {
    let help = "write `name = \"fetch\"`";
    refused("name = \"\"", "`name` is empty, found \"\"", help);
    refused("name = \" \"", "`name` is empty, found \" \"", help);
    refused(
        "name = \"a\\nb\"",
        "`name` holds the control character '\\n', found \"a\\nb\"",
        "write `name = \"ab\"`",
    );
    refused("name = NAME", "`name` needs a string literal, found the path `NAME`", help);
    refused("name = 5", "`name` needs a string literal, found the integer 5", help);
    let long = "x".repeat(257);
    refused(
        &format!("name = \"{long}\""),
        &format!("`name` has 257 characters, found \"{}…\"", &long[..60]),
        "shorten it to 256 characters or less",
    );
    accepted(&format!("name = \"{}\"", &long[..256]));
}

#[test]
fn clones_and_contexts_know_the_arguments() {
    refused(
        "clone(ulr)",
        "`ulr` in `clone` names no argument of the function",
        "write `clone(url)`",
    );
    refused("clone(url, url)", "`url` is listed twice in `clone`", "remove one of the two");
    refused("clone()", "`clone` needs the names of arguments", "write `clone(self)`");
    refused(
        "clone = [url]",
        "`clone` takes arguments in parentheses, found `[url]`",
        "write `clone(url)`",
    );
    refused(
        "clone(url.x)",
        "`clone` needs the names of arguments, found `url.x`",
        "the arguments are `self`, `url` and `tenant`",
    );
    refused(
        "context = url",
        "`context = url` would hide the argument `url`",
        "write `context = attempt`",
    );
    refused(
        "context = \"attempt\"",
        "`context` needs a name, found the string \"attempt\"",
        "write `context = attempt`",
    );
    refused(
        "context = a::b",
        "`context` needs a name, found the path `a::b`",
        "write `context = attempt`",
    );
}

#[test]
fn budgets_can_be_filled() {
    for (args, what, help) in [
        (
            "budget()",
            "`budget()` says nothing",
            "write `budget(tokens_per_second = 10, max_tokens = 50)`",
        ),
        (
            "budget = None",
            "`budget` needs `none` in lower case, found the path `None`",
            "write `budget = none`",
        ),
        (
            "budget = RetryBudget::new(1, 2)",
            "`budget` needs the path of a `static RetryBudget`, or `none`, found the call \
             `RetryBudget::new(1, 2)`",
            "write `budget(tokens_per_second = 10, max_tokens = 50)`",
        ),
        (
            "budget = budget(ratio = 1)",
            "`budget(…)` stands without `budget =`, found the call `budget(ratio = 1)`",
            "write `budget(ratio = 1)`",
        ),
        (
            "budget = false",
            "`budget` needs the path of a `static RetryBudget`, or `none`, found the boolean false",
            "write `budget = none`",
        ),
        (
            "budget(ratio = 1.5)",
            "`ratio` must be between 0 and 1, found 1.5",
            "write `ratio = 0.2`",
        ),
        (
            "budget(ratio = f64::NAN)",
            "`ratio` must be finite, found `f64::NAN`",
            "write `ratio = 0.2`",
        ),
        (
            "budget(tokens_per_second = -1)",
            "`tokens_per_second` must be at least 0, found -1",
            "write `tokens_per_second = 10`",
        ),
        (
            "budget(max_tokens = 0)",
            "`max_tokens` must be at least 1, found 0",
            "write `max_tokens = 50`",
        ),
        ("budget(capacity = 7)", "`budget` has no option `capacity`", "write `max_tokens = 7`"),
        (
            "budget(ratio = 0.1, ratio = 0.2)",
            "`ratio` is given twice",
            "keep one `ratio` and remove the other",
        ),
        (
            "budget(ratio = 0, max_tokens = 5)",
            "a budget with `ratio = 0` is never filled again",
            "write `ratio = 0.2`, or `budget = none` for no budget",
        ),
        (
            "budget(key = \"{user}\")",
            "`{user}` in `key` names no argument of the function",
            "the arguments are `self`, `url` and `tenant`",
        ),
        (
            "budget(key = \"{tenant:?}\")",
            "`{tenant:?}` in `key` names no argument of the function",
            "write `{tenant}`",
        ),
        (
            "budget(key = \"all\")",
            "`key` names no argument, found \"all\"",
            "the arguments are `self`, `url` and `tenant`",
        ),
        (
            "budget(key = \"{tenant\")",
            "`key` has a `{` that is never closed, found \"{tenant\"",
            "write `{{` for a brace in the text",
        ),
    ] {
        refused(args, what, help);
    }
}

#[test]
fn all_faults_are_reported_in_one_build() {
    let (model, messages) = read(
        "max_retries = 3, base_delay = 100, jitter = \"half\", factor = 0.5, on = [A, _], \
         clone(nobody), budget(ratio = 2, max = 3), name = \"ok\"",
        &facts(),
    );
    assert_eq!(messages.len(), 8, "{messages:#?}");
    assert!(model.name.is_some() && on_of(&model).len() == 1);
}

// ---- hostile tokens ----

#[test]
fn nesting_and_length_are_refused_before_they_overflow() {
    let what = "a value of `when` is too long or too deeply nested to be read";
    let help = "move it into a `const`, a type alias or a function, and name it here";
    refused(&format!("when = {}x{}", "(".repeat(40), ")".repeat(40)), what, help);
    refused(&format!("when = {}x", "!".repeat(10_000)), what, help);
    refused(
        &format!("when = a{}", " + a".repeat(10_000)),
        what.replace("when", "retry").as_str(),
        help,
    );
    let nestings = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("S { a: ", "}"),
        ("async {", "}"),
        ("!", ""),
        ("&", ""),
        ("- ", ""),
        ("*const ", ""),
        ("&'a ", ""),
        ("|a| ", ""),
        ("x @ ", ""),
        ("a = ", ""),
        ("a + ", ""),
        ("x as ", ""),
        ("x..", ""),
        ("a.b", ""),
        ("return ", ""),
        ("break ", ""),
        ("let x = ", ""),
        ("match ", "{}"),
        ("if a {} else ", ""),
        ("if a {} else if ", ""),
        ("Vec::<", ">"),
        ("Vec<", ">"),
        ("A<B, ", ">"),
        ("A::<", ">::B"),
        ("<", ">::x"),
        ("<A as ", ">::x"),
        ("fn() -> ", ""),
        ("for<'a> fn() -> ", ""),
        ("impl Fn() -> ", ""),
        ("dyn Fn(", ")"),
        ("(A, ", ")"),
        ("A | ", ""),
        ("A(", ")"),
        ("A { x: ", "}"),
        ("ref x @ ", ""),
        ("x?", ""),
        ("x()", ""),
        ("box ", ""),
        ("A + ", ""),
        ("#[a] ", ""),
        ("'a: ", ""),
        ("while a {} ", ""),
        ("yield ", ""),
        ("?", ""),
        ("~", ""),
        ("unsafe {", "}"),
        ("const {", "}"),
        ("[u8; ", "]"),
        ("for x in ", "{}"),
        ("while ", "{}"),
        ("if ", "{}"),
        ("async move ", ""),
        ("move || ", ""),
        ("|a: ", "| b"),
        ("x: ", ""),
        ("mut ", ""),
        ("&mut ", ""),
        ("loop {", "}"),
        ("..", ""),
        ("..=", ""),
    ];
    for (open, close) in nestings {
        for depth in [15, 31, 63, 150, 450] {
            let value = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            for args in [
                format!("when = {value}"),
                format!("on = [{value}]"),
                format!("on = {value}"),
                value,
            ] {
                // Only that it returns; not everything here can be split into tokens.
                if args.parse::<TokenStream>().is_ok() {
                    read(&args, &facts());
                }
            }
        }
    }
}

#[test]
fn no_tokens_panic() {
    const PIECES: [&str; 48] = [
        "max_attempts",
        "on",
        "not_on",
        "when",
        "backoff",
        "base_delay",
        "deadline",
        "budget",
        "clone",
        "context",
        "name",
        "crate",
        "key",
        "ratio",
        "soft",
        "is",
        "any",
        "=",
        "=",
        "=",
        ",",
        ",",
        ",",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "::",
        "|",
        "-",
        "..=",
        "..",
        "&",
        "'a",
        "\"1s\"",
        "\"\"",
        "3",
        "0",
        "1e999",
        "true",
        "A",
        "a::B",
        "_",
        "if",
    ];
    // A fixed linear congruence: the same strings on every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..10_000 {
        let text: Vec<&str> = (0..next(14)).map(|_| PIECES[next(PIECES.len())]).collect();
        let Ok(tokens) = text.join(" ").parse::<TokenStream>() else { continue };
        let mut diagnostics = Diagnostics::default();
        let facts = if next(2) == 0 { facts() } else { sync() };
        let around = Around { facts: &facts, place: &TokenStream::new(), alone: true };
        retry(tokens, around, &mut diagnostics);
        let output = diagnostics.into_tokens();
        syn::parse2::<syn::File>(output).expect("faults are items");
    }
}
