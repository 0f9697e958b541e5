//! Durations as they are written in attributes: a string with units, `1.5s` or `1h30m`.
//!
//! Whole numbers only, so that nothing is rounded; knows no option.

use std::time::Duration;

use crate::diagnostics::quoted;

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// From the longest: the parts of a compound come in this order.
const UNITS: [(&str, u128); 7] = [
    ("d", 86_400 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads `1.5s` or `1h30m`. The error says what is wrong, and what to write if that can be known.
pub(crate) fn read_duration(text: &str) -> Result<Duration, (String, Option<String>)> {
    let fail = |what: &str| Err((what.to_owned(), None));
    if text.trim().is_empty() {
        return fail("is empty");
    }
    if text.starts_with(['-', '−']) {
        return fail("is negative");
    }
    let mut total: u128 = 0;
    let mut previous: Option<usize> = None;
    let mut rest = text;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        rest = after;
        if number.is_empty() {
            return Err((String::from("does not start with a number"), tidied(text)));
        }
        if unit.is_empty() {
            let complete = previous.is_none().then(|| with_unit("", number)).flatten();
            return Err((String::from("has no unit"), complete));
        }
        let Some(index) = UNITS.iter().position(|(name, _)| *name == unit) else {
            let what = format!("has the unknown unit {}", quoted(unit.trim()));
            return Err((what, tidied(text)));
        };
        if previous.is_some_and(|previous| index <= previous) {
            return fail("names its units out of order: days, hours, minutes, seconds");
        }
        previous = Some(index);
        let nanos = match nanoseconds(number, UNITS[index].1) {
            Ok(nanos) => nanos,
            Err(what) => return fail(what),
        };
        total = match total.checked_add(nanos) {
            Some(total) => total,
            None => return fail(TOO_LONG),
        };
    }
    let (Ok(seconds), Ok(nanos)) =
        (u64::try_from(total / NANOS_PER_SECOND), u32::try_from(total % NANOS_PER_SECOND))
    else {
        return fail(TOO_LONG);
    };
    Ok(Duration::new(seconds, nanos))
}

const TOO_LONG: &str = "is longer than a `Duration` can be";

/// `number` is made of digits and dots.
fn nanoseconds(number: &str, unit: u128) -> Result<u128, &'static str> {
    const NOT_A_NUMBER: &str = "is not a number with a unit";
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(NOT_A_NUMBER);
    }
    let whole: u128 = whole.parse().map_err(|_| TOO_LONG)?;
    let fraction = fraction.trim_end_matches('0');
    // A day has 14 digits of nanoseconds: longer fractions are finer, whatever the unit.
    if fraction.len() > 14 {
        return Err("is finer than a nanosecond");
    }
    let mut nanos = whole.checked_mul(unit).ok_or(TOO_LONG)?;
    if !fraction.is_empty() {
        let digits: u128 = fraction.parse().map_err(|_| NOT_A_NUMBER)?;
        let scale = (0..fraction.len()).fold(1u128, |scale, _| scale * 10);
        if !(digits * unit).is_multiple_of(scale) {
            return Err("is finer than a nanosecond");
        }
        nanos = nanos.checked_add(digits * unit / scale).ok_or(TOO_LONG)?;
    }
    Ok(nanos)
}

/// The text that was meant, where it only differs in spaces, case or long names of units.
fn tidied(text: &str) -> Option<String> {
    const LONG: [(&str, &str); 25] = [
        ("milliseconds", "ms"),
        ("millisecond", "ms"),
        ("microseconds", "us"),
        ("microsecond", "us"),
        ("nanoseconds", "ns"),
        ("nanosecond", "ns"),
        ("millis", "ms"),
        ("milli", "ms"),
        ("msec", "ms"),
        ("micros", "us"),
        ("nanos", "ns"),
        ("seconds", "s"),
        ("second", "s"),
        ("secs", "s"),
        ("sec", "s"),
        ("minutes", "m"),
        ("minute", "m"),
        ("mins", "m"),
        ("min", "m"),
        ("hours", "h"),
        ("hour", "h"),
        ("hrs", "h"),
        ("hr", "h"),
        ("days", "d"),
        ("day", "d"),
    ];
    let mut tidy: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '_' && *c != ',' && *c != '+')
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'µ' || c == 'μ' { 'u' } else { c })
        .collect();
    for (long, short) in LONG {
        tidy = tidy.replace(long, short);
    }
    (tidy != text && read_duration(&tidy).is_ok()).then_some(tidy)
}

/// A bare number with the unit that it most likely had. Delays are said in milliseconds sooner
/// than bounds are, and what is kept for long in seconds.
pub(crate) fn with_unit(option: &str, number: &str) -> Option<String> {
    let value: f64 =
        number.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)?;
    let least = match option {
        "base_delay" => 10.0,
        "recovery_timeout" | "max_recovery_timeout" | "probe_timeout" | "lease" | "wait" => 1000.0,
        "ttl" => return read_duration(&format!("{number}s")).ok().map(write_duration),
        _ => 100.0,
    };
    let text = format!("{number}{}", if value >= least { "ms" } else { "s" });
    read_duration(&text).is_ok().then_some(text)
}

/// As it would be written in an attribute: `1h30m`, `1.5s`, `250ms`.
pub(crate) fn write_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    // A minute and a half is `1m30s`, a second and a half `1.5s`.
    let mut text = String::new();
    for (name, unit) in UNITS {
        // Days are only read: `24h` is how the documentation writes one.
        if rest < unit || name == "d" {
            continue;
        }
        if unit > NANOS_PER_SECOND {
            // `60s` is how the documentation writes the default ceiling, and others like it.
            if text.is_empty() && rest / unit == 1 && rest.is_multiple_of(unit) && name == "m" {
                return "60s".to_owned();
            }
            text.push_str(&(rest / unit).to_string());
            text.push_str(name);
            rest %= unit;
            continue;
        }
        let fraction = rest % unit;
        text.push_str(&(rest / unit).to_string());
        if fraction != 0 {
            let width = unit.ilog10() as usize;
            let digits = format!("{fraction:0width$}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        text.push_str(name);
        break;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        read_duration(text).expect_err(text).0
    }

    #[test]
    fn units_fractions_and_compounds_are_exact() {
        for (text, nanos) in [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("2m", 120_000_000_000),
            ("24h", 86_400_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1m0.5s", 60_500_000_000),
            ("7us", 7_000),
            ("1ns", 1),
            ("0s", 0),
            ("0.1s", 100_000_000),
            ("1.50s", 1_500_000_000),
        ] {
            assert_eq!(read_duration(text).map(|it| it.as_nanos()), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        assert_eq!(refusal(""), "is empty");
        assert_eq!(refusal("  "), "is empty");
        assert_eq!(refusal("-5s"), "is negative");
        assert_eq!(refusal("100"), "has no unit");
        assert_eq!(refusal("1h30"), "has no unit");
        assert_eq!(refusal("s"), "does not start with a number");
        assert_eq!(refusal("5 s"), "has the unknown unit \"s\"");
        assert_eq!(refusal("1week"), "has the unknown unit \"week\"");
        assert_eq!(refusal("1s1s"), "names its units out of order: days, hours, minutes, seconds");
        assert_eq!(refusal("30m1h"), "names its units out of order: days, hours, minutes, seconds");
        assert_eq!(refusal("1.2.3s"), "is not a number with a unit");
        assert_eq!(refusal(".5s"), "is not a number with a unit");
        assert_eq!(refusal("0.5ns"), "is finer than a nanosecond");
        assert_eq!(refusal("99999999999999999999s"), TOO_LONG);
        assert_eq!(refusal("999999999999999999999999999999999999999999d"), TOO_LONG);
    }

    #[test]
    fn the_longest_duration_is_read_and_written() {
        let text = format!("{}s", u64::MAX);
        assert_eq!(read_duration(&text), Ok(Duration::from_secs(u64::MAX)));
        assert_eq!(read_duration(&write_duration(Duration::MAX)), Ok(Duration::MAX));
    }

    #[test]
    fn written_durations_read_back_as_themselves() {
        for text in ["0s", "250ms", "1.5s", "30s", "2m", "1m30s", "24h", "1h30m", "7us", "1.001s"] {
            let duration = read_duration(text).unwrap();
            assert_eq!(read_duration(&write_duration(duration)), Ok(duration), "{text}");
        }
        assert_eq!(write_duration(Duration::from_millis(90_500)), "1m30.5s");
        assert_eq!(write_duration(Duration::from_secs(86_400)), "24h");
        assert_eq!(write_duration(Duration::from_secs(60)), "60s");
    }

    #[test]
    fn other_spellings_are_tidied() {
        assert_eq!(tidied("5 s").as_deref(), Some("5s"));
        assert_eq!(tidied("10 Minutes").as_deref(), Some("10m"));
        assert_eq!(tidied("1h 30min").as_deref(), Some("1h30m"));
        assert_eq!(tidied("3 weeks"), None);
    }
}
