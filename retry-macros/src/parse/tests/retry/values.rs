//! What one value may be.

use super::{accepted, refused};

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
