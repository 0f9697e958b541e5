//! `#[circuit_breaker]` alone.

use syn::Expr;

use super::{accepted, refused};
use crate::diagnostics::source;
use crate::model::{Breaker, BreakerSource, DurationValue, Per, Rule, Spanned, Window};

fn breaker_of(attributes: &str) -> Breaker {
    accepted(attributes).breaker.expect("a breaker")
}

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
    assert!(matches!(window("\"10s\""), Window::Time(DurationValue::Literal(_))));
    // What only a type can tell.
    for measured in ["WINDOW", "CALLS * 2", "Duration::from_secs(10)", "{ 10 }"] {
        assert!(matches!(window(measured), Window::Measured(_)), "{measured}");
    }
    let wrong = |text: &str, what: &str, help: &str| {
        let attribute =
            format!("#[circuit_breaker(name = \"p\", failure_rate = 0.5, window = {text})]");
        refused(&attribute, what, help);
    };
    wrong("[10]", "`window` needs a whole number, found the list `[10]`", "write `window = 100`");
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
