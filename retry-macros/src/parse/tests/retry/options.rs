//! How options are named and written, and that every fault is reported.

use std::fmt::Write as _;

use super::rules::on_of;
use super::{facts, read, refused};
use crate::options::{RetryOption, Table as _};

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
fn all_faults_are_reported_in_one_build() {
    let (model, messages) = read(
        "max_retries = 3, base_delay = 100, jitter = \"half\", factor = 0.5, on = [A, _], \
         clone(nobody), budget(ratio = 2, max = 3), name = \"ok\"",
        &facts(),
    );
    assert_eq!(messages.len(), 8, "{messages:#?}");
    assert!(model.name.is_some() && on_of(&model).len() == 1);
}
