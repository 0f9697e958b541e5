//! Delays, timeouts and the deadline together.

use super::{accepted, refused, refused_on, sync};

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
