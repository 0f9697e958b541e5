//! The options of `#[retry]` and of its `budget(...)`.

use super::{Elsewhere, options};

options! {
    /// The options of `#[retry(...)]`, in the order in which help lists them.
    RetryOption of "retry" {
        MaxAttempts = "max_attempts", "max_attempts = 3";
        On = "on", "on = [TimeoutError]";
        NotOn = "not_on", "not_on = [NotFound]";
        When = "when", "when = is_transient";
        Classify = "classify", "classify = classify_error";
        ClassifyValue = "classify_value", "classify_value = classify_response";
        WhenValue = "when_value", "when_value = is_pending";
        Backoff = "backoff", "backoff = \"exponential\"";
        BaseDelay = "base_delay", "base_delay = \"1s\"";
        MaxDelay = "max_delay", "max_delay = \"60s\"";
        Factor = "factor", "factor = 2.0";
        Jitter = "jitter", "jitter = \"full\"";
        AttemptTimeout = "attempt_timeout", "attempt_timeout = \"5s\"";
        Deadline = "deadline", "deadline = \"30s\"";
        MaxRetryAfter = "max_retry_after", "max_retry_after = \"60s\"";
        Policy = "policy", "policy = POLICY";
        Budget = "budget", "budget = none";
        Clone = "clone", "clone(argument)";
        Context = "context", "context = attempt";
        OnRetry = "on_retry", "on_retry = log_retry";
        Nested = "nested", "nested = \"suppress\"";
        Name = "name", "name = \"fetch\"";
        Sleep = "sleep", "sleep = runtime::sleep";
        MapTimeout = "map_timeout", "map_timeout = from_timeout";
        LogErrors = "log_errors", "log_errors = false";
        LogLimit = "log_limit", "log_limit = 10";
        Crate = "crate", "crate = ::steadfast";
    }
}

options! {
    /// The options of `budget(...)`.
    BudgetOption of "budget" {
        TokensPerSecond = "tokens_per_second", "tokens_per_second = 10";
        MaxTokens = "max_tokens", "max_tokens = 50";
        Ratio = "ratio", "ratio = 0.2";
        Name = "name", "name = \"payments\"";
        Key = "key", "key = \"{tenant}\"";
    }
}

/// What is found in other libraries: tenacity, backoff, stamina (Python), backoff, backon,
/// tokio-retry, again (Rust), Spring Retry, resilience4j (Java), Polly (C#), p-retry and
/// async-retry (JavaScript), retry-go (Go).
#[rustfmt::skip]
impl RetryOption {
    const WORDS: Elsewhere<Self> = {
        use super::Equivalent::{Duration, DurationAnd, Either, Example, List, OneMore, Same, Words};
        &[
            (&["max_retries", "max_retry", "retries", "retry", "num_retries", "retry_count", "retry_limit",
                "max_retry_count", "max_retry_attempts", "max_times", "times", "count"], OneMore(Self::MaxAttempts)),
            (&["attempts", "tries", "max_tries", "max_attempt", "num_attempts", "total_attempts",
                "max_number", "stop_max_attempt_number", "stop_after_attempt", "limit"],
                Same(Self::MaxAttempts)),
            (&["stop"], Words("write `max_attempts = 3` to stop after a number of calls, \
                `deadline = \"30s\"` after a time")),
            (&["wait"], DurationAnd(Self::BaseDelay, "and `backoff = \"exponential\"`, which is the default")),
            (&["timeout"], Either((Self::AttemptTimeout, "to bound one attempt"),
                (Self::Deadline, "to bound the whole call"))),
            (&["delay", "interval", "initial_interval", "initial_delay", "initial_backoff", "initial_wait",
                "min_delay", "min_interval", "min_backoff", "min_wait", "min_timeout", "start_delay",
                "starting_delay", "retry_delay", "retry_interval", "retry_wait", "wait_initial",
                "wait_fixed", "wait_time", "wait_duration", "delay_ms", "interval_ms", "base_delay_ms",
                "initial_delay_ms", "base_interval", "base", "period", "delay_seconds"],
                Duration(Self::BaseDelay)),
            (&["max_interval", "max_backoff", "max_wait", "max_timeout", "max_sleep", "wait_max",
                "max_delay_ms", "max_wait_duration", "delay_max", "cap", "ceiling"],
                Duration(Self::MaxDelay)),
            (&["max_elapsed_time", "max_elapsed", "total_timeout", "overall_timeout", "max_time",
                "max_duration", "max_total_time", "max_retry_time", "max_retry_duration", "total_delay",
                "time_limit", "stop_after_delay", "stop_max_delay", "total_deadline"],
                Duration(Self::Deadline)),
            (&["per_attempt_timeout", "per_try_timeout", "try_timeout", "request_timeout", "call_timeout",
                "timeout_per_attempt", "operation_timeout"], Duration(Self::AttemptTimeout)),
            (&["multiplier", "exponential_base", "exp_base", "backoff_factor", "backoff_multiplier",
                "backoff_rate", "exponent", "growth_factor"], Same(Self::Factor)),
            (&["randomization_factor", "jitter_factor", "random", "randomize", "wait_jitter", "max_jitter",
                "use_jitter", "with_jitter", "full_jitter", "wait_random"], Example(Self::Jitter)),
            (&["strategy", "backoff_strategy", "backoff_type", "wait_strategy"],
                Example(Self::Backoff)),
            (&["retry_on", "retry_for", "retry_on_exceptions", "retry_exceptions", "include", "exceptions",
                "errors", "retryable", "on_error", "on_errors", "retry_for_exception",
                "retry_if_exception_type", "retryable_errors", "handle"], List(Self::On)),
            (&["exclude", "ignore", "ignore_exceptions", "no_retry_for", "no_retry_on", "skip", "abort_on",
                "dont_retry_on", "not_for", "retry_if_not_exception_type"], List(Self::NotOn)),
            (&["retry_if", "retry_when", "condition", "predicate", "filter", "should_retry",
                "is_retryable", "retry_predicate", "retry_on_exception", "retry_if_exception", "if"],
                Same(Self::When)),
            (&["retry_if_result", "retry_on_result", "on_result", "while_value", "poll_while"],
                Same(Self::WhenValue)),
            (&["before_sleep", "notify", "on_failure", "on_failed_attempt", "on_backoff", "on_attempt",
                "before", "after", "hook", "callback", "retry_callback", "listener", "on_fail"],
                Same(Self::OnRetry)),
            (&["label", "operation", "operation_name", "id"], Same(Self::Name)),
            (&["log", "logger", "logging"], Example(Self::LogErrors)),
            (&["timer", "sleeper", "sleep_fn"], Same(Self::Sleep)),
            (&["forever", "infinite", "unlimited"],
                Words("write `max_attempts = u32::MAX` and bound the call by `deadline = \"10m\"`")),
            (&["reraise", "rethrow", "throw"],
                Words("remove it; the last error is always returned as it is, also without it")),
        ]
    };
}

#[rustfmt::skip]
impl BudgetOption {
    const WORDS: Elsewhere<Self> = {
        use super::Equivalent::{Same, Share};
        &[
            (&["refill", "refill_rate", "rate", "tokens", "per_second", "tps",
                "min_retries_per_second", "retries_per_second", "min_per_sec"],
                Same(Self::TokensPerSecond)),
            (&["max", "capacity", "size", "burst", "bucket_size", "initial_tokens"],
                Same(Self::MaxTokens)),
            (&["retry_ratio", "token_ratio", "percent", "retry_percent", "percentage", "retry_rate"],
                Share(Self::Ratio)),
        ]
    };
}
