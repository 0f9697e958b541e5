//! The options of each attribute: their names, an example to paste, and what other libraries call
//! them. What a value must look like is known to the parser, what it may be to the validation.

use crate::diagnostics::{nearest, shortened};
use crate::durations::{read_duration, with_unit};

/// The options of one attribute, or of one option that has options itself.
pub(crate) trait Table: Copy + Eq + 'static {
    /// How the owner of the options is written.
    const OWNER: &'static str;
    const ALL: &'static [Self];

    fn name(self) -> &'static str;
    /// The option with a value that is valid on its own.
    fn example(self) -> &'static str;
    /// Text to paste for a word that another library uses, given the value found beside it.
    fn equivalent(word: &str, value: &str) -> Option<String>;

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|option| option.name() == name)
    }

    /// What to write instead of `word`, which names no option.
    fn help(word: &str, value: &str) -> String {
        let snake = snake_case(word);
        if let Some(option) = Self::named(&snake) {
            return format!("write `{}`", assigned(option, value));
        }
        if let Some(help) = Self::equivalent(&snake, value) {
            return help;
        }
        let names = || Self::ALL.iter().map(|option| option.name());
        if let Some(option) = nearest(&snake, names()).and_then(Self::named) {
            return format!("write `{}`", assigned(option, value));
        }
        let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
        format!("the options are {}", names.join(", "))
    }
}

/// The option with the value that was found; its example where that would not be short.
fn assigned<O: Table>(option: O, value: &str) -> String {
    let example = option.example();
    let by_equals = example[option.name().len()..].starts_with(" =");
    if value.is_empty() || !by_equals || shortened(value) != value {
        example.to_owned()
    } else {
        format!("{} = {value}", option.name())
    }
}

/// `maxAttempts`, `MaxAttempts` and `max-attempts` as we would write them.
fn snake_case(word: &str) -> String {
    let mut snake = String::with_capacity(word.len() + 4);
    for letter in word.chars() {
        if letter.is_uppercase() && !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        if letter == '-' {
            snake.push('_');
        } else {
            snake.extend(letter.to_lowercase());
        }
    }
    snake
}

macro_rules! options {
    ($(#[$doc:meta])* $table:ident of $owner:literal by $equivalent:ident {
        $($option:ident = $name:literal, $example:literal;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $table {
            $($option,)*
        }

        impl Table for $table {
            const OWNER: &'static str = $owner;
            const ALL: &'static [Self] = &[$(Self::$option,)*];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$option => $name,)*
                }
            }

            fn example(self) -> &'static str {
                match self {
                    $(Self::$option => $example,)*
                }
            }

            fn equivalent(word: &str, value: &str) -> Option<String> {
                $equivalent(word, value)
            }
        }
    };
}

options! {
    /// The options of `#[retry(...)]`, in the order in which help lists them.
    RetryOption of "retry" by retry_equivalent {
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
    BudgetOption of "budget" by budget_equivalent {
        TokensPerSecond = "tokens_per_second", "tokens_per_second = 10";
        MaxTokens = "max_tokens", "max_tokens = 50";
        Ratio = "ratio", "ratio = 0.2";
        Name = "name", "name = \"payments\"";
        Key = "key", "key = \"{tenant}\"";
    }
}

/// How to say what another library's word says.
#[derive(Clone, Copy)]
enum Equivalent {
    /// This option with the same value.
    Same(RetryOption),
    /// The first call is left out by libraries that count retries.
    OneMore,
    /// This option, the value as a duration.
    Duration(RetryOption),
    /// This option, the value as a list.
    List(RetryOption),
    /// This option, whatever the value was.
    Example(RetryOption),
    /// One time limit that may have meant two things.
    Timeout,
    Wait,
    Breaker,
    Idempotent,
    Words(&'static str),
}

/// What is found in other libraries: tenacity, backoff, stamina (Python), backoff, backon,
/// tokio-retry, again (Rust), Spring Retry, resilience4j (Java), Polly (C#), p-retry and
/// async-retry (JavaScript), retry-go (Go).
#[rustfmt::skip]
const ELSEWHERE: &[(&[&str], Equivalent)] = {
    use Equivalent::{Breaker, Duration, Example, Idempotent, List, OneMore, Same, Timeout, Wait, Words};
    &[
        (&["max_retries", "max_retry", "retries", "retry", "num_retries", "retry_count", "retry_limit",
            "max_retry_count", "max_retry_attempts", "max_times", "times", "count"], OneMore),
        (&["attempts", "tries", "max_tries", "max_attempt", "num_attempts", "total_attempts",
            "max_number", "stop_max_attempt_number", "stop_after_attempt", "limit"],
            Same(RetryOption::MaxAttempts)),
        (&["stop"], Words("write `max_attempts = 3` to stop after a number of calls, \
            `deadline = \"30s\"` after a time")),
        (&["wait"], Wait),
        (&["timeout"], Timeout),
        (&["delay", "interval", "initial_interval", "initial_delay", "initial_backoff", "initial_wait",
            "min_delay", "min_interval", "min_backoff", "min_wait", "min_timeout", "start_delay",
            "starting_delay", "retry_delay", "retry_interval", "retry_wait", "wait_initial",
            "wait_fixed", "wait_time", "wait_duration", "delay_ms", "interval_ms", "base_delay_ms",
            "initial_delay_ms", "base_interval", "base", "period", "delay_seconds"],
            Duration(RetryOption::BaseDelay)),
        (&["max_interval", "max_backoff", "max_wait", "max_timeout", "max_sleep", "wait_max",
            "max_delay_ms", "max_wait_duration", "delay_max", "cap", "ceiling"],
            Duration(RetryOption::MaxDelay)),
        (&["max_elapsed_time", "max_elapsed", "total_timeout", "overall_timeout", "max_time",
            "max_duration", "max_total_time", "max_retry_time", "max_retry_duration", "total_delay",
            "time_limit", "stop_after_delay", "stop_max_delay", "total_deadline"],
            Duration(RetryOption::Deadline)),
        (&["per_attempt_timeout", "per_try_timeout", "try_timeout", "request_timeout", "call_timeout",
            "timeout_per_attempt", "operation_timeout"], Duration(RetryOption::AttemptTimeout)),
        (&["multiplier", "exponential_base", "exp_base", "backoff_factor", "backoff_multiplier",
            "backoff_rate", "exponent", "growth_factor"], Same(RetryOption::Factor)),
        (&["randomization_factor", "jitter_factor", "random", "randomize", "wait_jitter", "max_jitter",
            "use_jitter", "with_jitter", "full_jitter", "wait_random"], Example(RetryOption::Jitter)),
        (&["strategy", "backoff_strategy", "backoff_type", "wait_strategy"],
            Example(RetryOption::Backoff)),
        (&["retry_on", "retry_for", "retry_on_exceptions", "retry_exceptions", "include", "exceptions",
            "errors", "retryable", "on_error", "on_errors", "retry_for_exception",
            "retry_if_exception_type", "retryable_errors", "handle"], List(RetryOption::On)),
        (&["exclude", "ignore", "ignore_exceptions", "no_retry_for", "no_retry_on", "skip", "abort_on",
            "dont_retry_on", "not_for", "retry_if_not_exception_type"], List(RetryOption::NotOn)),
        (&["retry_if", "retry_when", "condition", "predicate", "filter", "should_retry",
            "is_retryable", "retry_predicate", "retry_on_exception", "retry_if_exception", "if"],
            Same(RetryOption::When)),
        (&["retry_if_result", "retry_on_result", "on_result", "while_value", "poll_while"],
            Same(RetryOption::WhenValue)),
        (&["before_sleep", "notify", "on_failure", "on_failed_attempt", "on_backoff", "on_attempt",
            "before", "after", "hook", "callback", "retry_callback", "listener", "on_fail"],
            Same(RetryOption::OnRetry)),
        (&["label", "operation", "operation_name", "id"], Same(RetryOption::Name)),
        (&["log", "logger", "logging"], Example(RetryOption::LogErrors)),
        (&["timer", "sleeper", "sleep_fn"], Same(RetryOption::Sleep)),
        (&["forever", "infinite", "unlimited"],
            Words("write `max_attempts = u32::MAX` and bound the call by `deadline = \"10m\"`")),
        (&["reraise", "rethrow", "throw"],
            Words("remove it; the last error is always returned as it is, also without it")),
        (&["failure_threshold", "failure_rate", "window", "minimum_calls", "slow_call",
            "slow_call_rate", "recovery_timeout", "recovery_jitter", "half_open_requests", "fallback"],
            Breaker),
        (&["key", "ttl", "store", "replay", "fingerprint", "lease", "scope"], Idempotent),
    ]
};

fn retry_equivalent(word: &str, value: &str) -> Option<String> {
    let (_, equivalent) = ELSEWHERE.iter().find(|(words, _)| words.contains(&word))?;
    Some(match *equivalent {
        Equivalent::Same(option) => format!("write `{}`", assigned(option, value)),
        Equivalent::OneMore => {
            let attempts = value.parse::<u32>().ok().and_then(|retries| retries.checked_add(1));
            format!(
                "write `max_attempts = {}`; `max_attempts` counts the first call too",
                attempts.unwrap_or(3)
            )
        }
        Equivalent::Duration(option) => format!("write `{}`", duration(option, value)),
        Equivalent::List(option) => format!("write `{}`", listed(option, value)),
        Equivalent::Example(option) => format!("write `{}`", option.example()),
        Equivalent::Timeout => format!(
            "write `{}` to bound one attempt, `{}` to bound the whole call",
            duration(RetryOption::AttemptTimeout, value),
            duration(RetryOption::Deadline, value)
        ),
        Equivalent::Wait => format!(
            "write `{}` and `backoff = \"exponential\"`, which is the default",
            duration(RetryOption::BaseDelay, value)
        ),
        Equivalent::Breaker => {
            format!("write it on the breaker: `#[circuit_breaker({word} = …)]` below `#[retry]`")
        }
        Equivalent::Idempotent => format!(
            "write it on the idempotency attribute: `#[idempotent({word} = …)]` above `#[retry]`"
        ),
        Equivalent::Words(words) => words.to_owned(),
    })
}

fn budget_equivalent(word: &str, value: &str) -> Option<String> {
    let option = match word {
        "refill"
        | "refill_rate"
        | "rate"
        | "tokens"
        | "per_second"
        | "tps"
        | "min_retries_per_second"
        | "retries_per_second"
        | "min_per_sec" => BudgetOption::TokensPerSecond,
        "max" | "capacity" | "size" | "burst" | "bucket_size" | "initial_tokens" => {
            BudgetOption::MaxTokens
        }
        "retry_ratio" | "token_ratio" | "percent" | "retry_percent" | "percentage"
        | "retry_rate" => {
            return Some(format!("write `{}`", BudgetOption::Ratio.example()));
        }
        _ => return None,
    };
    Some(format!("write `{}`", assigned(option, value)))
}

/// The option with the value as a duration, if it can be one.
fn duration(option: RetryOption, value: &str) -> String {
    let text = value.trim_matches('"');
    if read_duration(text).is_ok() {
        format!("{} = \"{text}\"", option.name())
    } else if let Some(text) = with_unit(option.name(), value) {
        format!("{} = \"{text}\"", option.name())
    } else {
        option.example().to_owned()
    }
}

/// The option with the value as a list, if there is one.
fn listed(option: RetryOption, value: &str) -> String {
    if value.is_empty() || value.starts_with(['"', '|']) || shortened(value) != value {
        option.example().to_owned()
    } else if value.starts_with('[') {
        format!("{} = {value}", option.name())
    } else {
        let inner = value.strip_prefix('(').and_then(|value| value.strip_suffix(')'));
        let value = inner.unwrap_or(value);
        format!("{} = [{value}]", option.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_other_libraries_is_one_of_ours_or_listed_twice() {
        let mut seen: Vec<&str> = Vec::new();
        for word in ELSEWHERE.iter().flat_map(|(words, _)| *words) {
            assert!(RetryOption::named(word).is_none(), "{word} is an option");
            assert!(!seen.contains(word), "{word} is listed twice");
            seen.push(word);
        }
    }

    #[test]
    fn an_example_begins_with_the_options_name() {
        fn check<O: Table>() {
            for option in O::ALL {
                assert!(option.example().starts_with(option.name()));
            }
        }
        check::<RetryOption>();
        check::<BudgetOption>();
    }

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!(snake_case("maxAttempts"), "max_attempts");
        assert_eq!(snake_case("MaxAttempts"), "max_attempts");
        assert_eq!(snake_case("max-attempts"), "max_attempts");
        assert_eq!(snake_case("max_attempts"), "max_attempts");
    }
}
