//! The options of `#[circuit_breaker]`.

use super::{Elsewhere, options};

options! {
    /// The options of `#[circuit_breaker(...)]`, in the order in which help lists them.
    BreakerOption of "circuit_breaker" {
        Name = "name", "name = \"payments\"";
        FailureThreshold = "failure_threshold", "failure_threshold = 5";
        FailureRate = "failure_rate", "failure_rate = 0.5";
        Window = "window", "window = 100";
        MinimumCalls = "minimum_calls", "minimum_calls = 10";
        SlowCall = "slow_call", "slow_call = \"2s\"";
        SlowCallRate = "slow_call_rate", "slow_call_rate = 0.5";
        RecoveryTimeout = "recovery_timeout", "recovery_timeout = \"30s\"";
        RecoveryFactor = "recovery_factor", "recovery_factor = 2.0";
        MaxRecoveryTimeout = "max_recovery_timeout", "max_recovery_timeout = \"5m\"";
        RecoveryJitter = "recovery_jitter", "recovery_jitter = 0.1";
        HalfOpenRequests = "half_open_requests", "half_open_requests = 1";
        ProbeTimeout = "probe_timeout", "probe_timeout = \"30s\"";
        TripOnSuccess = "trip_on_success", "trip_on_success = true";
        On = "on", "on = [TimeoutError]";
        NotOn = "not_on", "not_on = [NotFound]";
        When = "when", "when = is_transient";
        Classify = "classify", "classify = classify_error";
        ClassifyValue = "classify_value", "classify_value = classify_response";
        Ignore = "ignore", "ignore = [Cancelled]";
        Key = "key", "key = \"{host}\"";
        MaxKeys = "max_keys", "max_keys = 1024";
        Fallback = "fallback", "fallback = cached";
        MapOpen = "map_open", "map_open = from_open";
        Per = "per", "per = \"call\"";
        Crate = "crate", "crate = ::steadfast";
    }
}

/// What is found in other libraries: resilience4j, Hystrix, Failsafe, Spring (Java), Polly (C#),
/// gobreaker, sony, failsafe-go, hystrix-go (Go), pybreaker, circuitbreaker, aiobreaker (Python),
/// opossum, cockatiel (JavaScript), failsafe, recloser, tower-resilience (Rust).
#[rustfmt::skip]
impl BreakerOption {
    const WORDS: Elsewhere<Self> = {
        use super::Equivalent::{Duration, Example, List, Same, Share, Words};
        &[
            (&["id", "breaker", "breaker_name", "circuit", "circuit_name", "label", "group", "command_key",
                "operation"], Same(Self::Name)),
            (&["fail_max", "max_failures", "failures", "threshold", "consecutive_failures",
                "allowed_failures", "exceptions_allowed_before_breaking", "max_fails",
                "error_threshold", "failure_count", "trip_after", "with_failure_threshold",
                "consecutive_failure_threshold", "max_consecutive_failures"],
                Same(Self::FailureThreshold)),
            (&["ready_to_trip", "trip", "should_trip", "is_tripped", "failure_policy"],
                Words("write `failure_threshold = 5` for failures in a row, \
                    `failure_rate = 0.5` for a share of them")),
            (&["failure_rate_threshold", "failure_ratio", "error_threshold_percentage", "error_rate",
                "error_percent_threshold", "failure_percentage", "error_ratio", "fail_rate",
                "failure_percent", "error_percentage", "failure_threshold_percentage", "volatility",
                "circuit_breaker_error_threshold_percentage", "error_threshold_percent"],
                Share(Self::FailureRate)),
            (&["sliding_window_size", "window_size", "number_of_calls", "ring_buffer_size",
                "ring_buffer_size_in_closed_state", "closed_len", "capacity", "volume",
                "failure_threshold_capacity"], Same(Self::Window)),
            (&["sampling_duration", "interval", "rolling_window", "rolling_count_timeout", "window_duration",
                "rolling_duration", "failure_window", "time_window", "bucket_period",
                "failure_thresholding_period", "sliding_window_duration", "window_seconds",
                "metrics_rolling_stats_time_in_milliseconds", "error_window", "window_ms"],
                Duration(Self::Window)),
            (&["sliding_window_type", "window_type"],
                Words("write `window = 100` for calls, `window = \"10s\"` for a time")),
            (&["minimum_number_of_calls", "minimum_throughput", "min_calls", "request_volume_threshold",
                "volume_threshold", "minimum_requests", "min_requests", "min_throughput", "minimum_volume",
                "minimum_request_threshold", "failure_execution_threshold", "minimum_number_calls",
                "circuit_breaker_request_volume_threshold", "min_number_of_calls"],
                Same(Self::MinimumCalls)),
            (&["slow_call_duration_threshold", "slow_call_duration", "slow_threshold", "slow_call_threshold",
                "slow_duration", "slow", "latency_threshold"], Duration(Self::SlowCall)),
            (&["slow_call_rate_threshold", "slow_rate", "slow_call_ratio", "slow_ratio"],
                Share(Self::SlowCallRate)),
            (&["wait_duration_in_open_state", "break_duration", "duration_of_break", "reset_timeout",
                "sleep_window", "sleep_window_in_milliseconds", "open_timeout", "open_duration",
                "timeout", "delay", "cooldown", "cooldown_period", "cool_down", "half_open_after",
                "recovery_time", "reset_timeout_ms", "reset_timeout_seconds", "open_wait", "open_for",
                "circuit_breaker_sleep_window_in_milliseconds", "break_time", "retry_after",
                "with_delay", "time_to_half_open", "timeout_duration", "recovery_timeout_ms",
                "recovery_timeout_seconds", "recovery_timeout_secs", "wait_duration", "open_state_duration"],
                Duration(Self::RecoveryTimeout)),
            (&["multiplier", "backoff_factor", "factor", "exponential_backoff_multiplier",
                "backoff_multiplier"], Same(Self::RecoveryFactor)),
            (&["exponential_max_wait_duration_in_open_state", "max_wait_duration_in_open_state",
                "max_break_duration", "max_reset_timeout", "max_cooldown", "max_open_duration"],
                Duration(Self::MaxRecoveryTimeout)),
            (&["break_duration_generator", "wait_interval_function_in_open_state", "backoff",
                "open_timeout_generator"],
                Words("write `recovery_factor = 2.0` and `max_recovery_timeout = \"5m\"`")),
            (&["jitter", "randomization_factor", "jitter_factor", "randomized_wait_factor"],
                Example(Self::RecoveryJitter)),
            (&["permitted_number_of_calls_in_half_open_state", "max_requests", "success_threshold",
                "half_open_max_calls", "half_open_calls", "half_open_permits", "probes", "half_open",
                "half_open_max_requests", "permitted_calls_in_half_open", "half_open_len",
                "ring_buffer_size_in_half_open_state", "with_success_threshold", "permitted_calls",
                "success_count", "half_open_success_threshold", "half_open_attempts", "max_probes"],
                Same(Self::HalfOpenRequests)),
            (&["max_wait_duration_in_half_open_state", "half_open_timeout", "trial_timeout"],
                Duration(Self::ProbeTimeout)),
            (&["automatic_transition_from_open_to_half_open_enabled", "auto_transition"],
                Words("remove it; the first call after `recovery_timeout` is the probe")),
            (&["record_exceptions", "record", "expected_exception", "expected_exceptions", "exceptions",
                "errors", "handle", "should_handle", "include", "trip_on", "failure_on", "fail_on",
                "record_errors", "failures_on", "errors_on"], List(Self::On)),
            (&["record_exception", "record_exception_predicate", "failure_predicate", "error_filter",
                "is_failure", "filter", "predicate", "failure_when", "condition"], Same(Self::When)),
            (&["is_successful", "is_success", "success_when"],
                Words("write `when = |error| …`, true for what counts as a failure")),
            (&["record_result", "record_result_predicate", "handle_result", "on_result", "classifier",
                "failure_classifier"], Same(Self::ClassifyValue)),
            (&["ignore_exceptions", "ignore_exception", "exclude", "ignore_errors", "ignored",
                "is_excluded", "skip", "ignored_errors"], List(Self::Ignore)),
            (&["fallback_method", "fallback_function", "on_open_return", "default", "or_else",
                "fallback_fn", "with_fallback"], Same(Self::Fallback)),
            (&["map_error", "map_err", "open_error", "error"], Same(Self::MapOpen)),
            (&["on_state_change", "on_open", "on_close", "on_half_open", "listeners", "listener",
                "on_opened", "on_closed", "on_half_opened", "on_break", "on_reset"],
                Words("remove it, and call `steadfast::breaker(\"…\")` to subscribe to transitions")),
            (&["state_provider", "manual_control", "storage", "state_storage"],
                Words("remove it; `steadfast::breaker(\"…\")` tells and forces the state")),
            (&["scope", "around"], Same(Self::Per)),
            (&["max_entries", "key_limit", "max_breakers"], Same(Self::MaxKeys)),
            (&["retries", "max_retries", "tries", "attempts", "retry", "max_retry"],
                Words("write `#[retry(max_attempts = 3)]` above `#[circuit_breaker]`")),
            (&["static", "instance", "shared"],
                Words("write the path of the `static` alone: `#[circuit_breaker(PAYMENTS)]`")),
        ]
    };
}
