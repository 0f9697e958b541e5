//! How to say what another library's word says, its value translated where that can be done.

use std::time::Duration;

use super::{Table, assigned};
use crate::diagnostics::shortened;
use crate::durations::{read_duration, with_unit, write_duration};

#[derive(Clone, Copy)]
pub(crate) enum Equivalent<O: 'static> {
    /// This option with the same value.
    Same(O),
    /// The first call is left out by libraries that count retries.
    OneMore(O),
    /// This option, the value as a duration.
    Duration(O),
    /// This option, the value as a list.
    List(O),
    /// This option, a percentage as a share.
    Share(O),
    /// This option, whatever the value was.
    Example(O),
    /// One word that may have meant two things, each with what it is for.
    Either((O, &'static str), (O, &'static str)),
    /// This option, the value as a duration, and more words.
    DurationAnd(O, &'static str),
    Words(&'static str),
}

pub(super) fn equivalent<O: Table>(word: &str, value: &str) -> Option<String> {
    let (_, equivalent) = O::ELSEWHERE.iter().find(|(words, _)| words.contains(&word))?;
    Some(match *equivalent {
        Equivalent::Same(option) => format!("write `{}`", assigned(option, value)),
        Equivalent::OneMore(option) => {
            let attempts = value.parse::<u32>().ok().and_then(|retries| retries.checked_add(1));
            let name = option.name();
            format!(
                "write `{name} = {}`; `{name}` counts the first call too",
                attempts.unwrap_or(3)
            )
        }
        Equivalent::Duration(option) => format!("write `{}`", duration(option, word, value)),
        Equivalent::List(option) => format!("write `{}`", listed(option, value)),
        Equivalent::Share(option) => format!("write `{}`", share(option, value)),
        Equivalent::Example(option) => format!("write `{}`", option.example()),
        Equivalent::Either((one, purpose), (other, purpose_of_other)) => format!(
            "write `{}` {purpose}, `{}` {purpose_of_other}",
            duration(one, word, value),
            duration(other, word, value)
        ),
        Equivalent::DurationAnd(option, more) => {
            format!("write `{}` {more}", duration(option, word, value))
        }
        Equivalent::Words(words) => words.to_owned(),
    })
}

/// The option with the value as a duration, if it can be one. The word may name the unit.
fn duration<O: Table>(option: O, word: &str, value: &str) -> String {
    let name = option.name();
    let text = value.trim_matches('"');
    if read_duration(text).is_ok() {
        return format!("{name} = \"{text}\"");
    }
    let unit = [("_ms", "ms"), ("milliseconds", "ms"), ("millis", "ms"), ("_secs", "s")]
        .into_iter()
        .chain([("seconds", "s"), ("minutes", "m"), ("hours", "h"), ("days", "d")])
        .find(|(suffix, _)| word.ends_with(suffix))
        .map(|(_, unit)| unit);
    let found = match unit {
        Some(unit) => read_duration(&format!("{text}{unit}")).ok(),
        // `Duration::from_secs(30)` and `Duration.ofSeconds(30)`
        None => constructed(value),
    };
    match found.map(write_duration).or_else(|| with_unit(name, value)) {
        Some(text) => format!("{name} = \"{text}\""),
        None => option.example().to_owned(),
    }
}

/// What a call like `Duration::from_millis(250)` or `time.Second` of another language makes.
fn constructed(value: &str) -> Option<Duration> {
    let (head, rest) = value.split_once('(')?;
    let number = rest.strip_suffix(')')?;
    let head = head.to_lowercase();
    let unit = [("millis", "ms"), ("milliseconds", "ms"), ("secs", "s"), ("seconds", "s")]
        .into_iter()
        .chain([("mins", "m"), ("minutes", "m"), ("hours", "h"), ("days", "d")])
        .find(|(name, _)| head.ends_with(name))?
        .1;
    read_duration(&format!("{}{unit}", number.trim())).ok()
}

/// The option with the value as a share: 50 and "50%" are half of all calls.
fn share<O: Table>(option: O, value: &str) -> String {
    match as_share(value) {
        Some(share) => format!("{} = {share:?}", option.name()),
        None => option.example().to_owned(),
    }
}

/// A share, however it was said: `0.5`, `50` or `"50%"`.
pub(crate) fn as_share(value: &str) -> Option<f64> {
    let text = value.trim_matches('"').trim();
    let (digits, percent) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim(), true),
        None => (text, false),
    };
    let number: f64 = digits.parse().ok()?;
    let share = if percent || number > 1.0 { number / 100.0 } else { number };
    (share > 0.0 && share <= 1.0).then_some(share)
}

/// The option with the value as a list, if there is one.
fn listed<O: Table>(option: O, value: &str) -> String {
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
    use super::super::{BreakerOption, IdempotentOption};
    use super::*;

    #[test]
    fn percentages_become_shares() {
        for (value, share) in [
            ("50", 0.5),
            ("\"50%\"", 0.5),
            ("0.5", 0.5),
            ("50.0", 0.5),
            ("\"7 %\"", 0.07),
            ("1", 1.0),
        ] {
            assert_eq!(as_share(value), Some(share), "{value}");
        }
        for value in ["0", "-1", "101", "\"101%\"", "half", "", "NaN"] {
            assert_eq!(as_share(value), None, "{value}");
        }
    }

    #[test]
    fn the_unit_of_a_word_is_kept() {
        let help = |word, value| equivalent::<IdempotentOption>(word, value).unwrap();
        assert_eq!(help("ttl_seconds", "86400"), "write `ttl = \"24h\"`");
        assert_eq!(help("expires_in", "Duration::from_secs(60)"), "write `ttl = \"60s\"`");
        let help = |word, value| equivalent::<BreakerOption>(word, value).unwrap();
        assert_eq!(
            help("sleep_window_in_milliseconds", "5000"),
            "write `recovery_timeout = \"5s\"`"
        );
        assert_eq!(
            help("wait_duration_in_open_state", "Duration.ofSeconds(30)"),
            "write `recovery_timeout = \"30s\"`"
        );
        assert_eq!(help("failure_rate_threshold", "50"), "write `failure_rate = 0.5`");
    }
}
