//! When a server wants to see a client again, as text to read.
//!
//! A hint is somebody else's word: whatever is not surely one is ignored, and the schedule decides.

use std::time::{Duration, SystemTime};

/// The longest hint that is believed: 365 days. A quota may last until the end of the year; beyond
/// that it is a mistake, a sentinel or a broken clock.
pub const LONGEST_HINT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads the value of a `Retry-After` header: seconds, or an HTTP date (RFC 9110, 10.2.3).
///
/// Seconds may have decimals, as some servers send. `0` is a hint: come back at once. `None` for
/// a value that is empty, negative, no number or date, a date before `now`, or further away than
/// [`LONGEST_HINT`].
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use retry_runtime::classify::retry_after;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_767);
///
/// assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
/// assert_eq!(retry_after("1.5", now), Some(Duration::from_millis(1500)));
/// assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(10)));
/// assert_eq!(retry_after("-1", now), None);
/// assert_eq!(retry_after("soon", now), None);
/// ```
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = trim(value);
    if value.starts_with(|first: char| first.is_ascii_digit()) {
        return decimal(value, 1_000_000_000);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    believed(date.duration_since(now).ok()?)
}

/// Reads the value of a `retry-after-ms` or `x-ms-retry-after-ms` header: milliseconds.
///
/// Refuses what [`retry_after`] refuses, and dates.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::classify::retry_after_ms;
///
/// assert_eq!(retry_after_ms("1500"), Some(Duration::from_millis(1500)));
/// assert_eq!(retry_after_ms("1500 ms"), None);
/// ```
#[must_use]
pub fn retry_after_ms(value: &str) -> Option<Duration> {
    decimal(trim(value), 1_000_000)
}

/// Optional white space around a header's value (RFC 9110, 5.6.3).
fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

fn believed(hint: Duration) -> Option<Duration> {
    (hint <= LONGEST_HINT).then_some(hint)
}

/// `digits` or `digits.digits`, in units of `unit` nanoseconds (a power of ten). No sign and no
/// exponent: `1e9` is more likely a mistake than a hint of thirty years.
fn decimal(value: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = match value.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (value, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // Too many digits for the type are too many for a hint.
    let mut nanos = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(place * u64::from(digit - b'0'))?;
    }
    believed(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{LONGEST_HINT, retry_after, retry_after_ms};

    /// Sun, 06 Nov 1994 08:49:37 GMT
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn hint(value: &str) -> Option<Duration> {
        retry_after(value, now())
    }

    #[test]
    fn seconds_are_read() {
        for seconds in 0..5000 {
            assert_eq!(hint(&seconds.to_string()), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(hint(" 7\t"), Some(Duration::from_secs(7)));
        assert_eq!(hint("007"), Some(Duration::from_secs(7)));
        let longest = LONGEST_HINT.as_secs();
        assert_eq!(hint(&longest.to_string()), Some(LONGEST_HINT));
    }

    #[test]
    fn decimals_are_read() {
        assert_eq!(hint("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(hint("1.25"), Some(Duration::from_millis(1250)));
        assert_eq!(hint("0.123456789999"), Some(Duration::from_nanos(123_456_789)));
        assert_eq!(retry_after_ms("0.5"), Some(Duration::from_micros(500)));
        assert_eq!(retry_after_ms("250"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn every_form_of_a_date_is_read() {
        for date in [
            "Sun, 06 Nov 1994 08:50:07 GMT",
            "Sunday, 06-Nov-94 08:50:07 GMT",
            "Sun Nov  6 08:50:07 1994",
        ] {
            assert_eq!(hint(date), Some(Duration::from_secs(30)), "{date}");
        }
        assert_eq!(hint("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_hint_is_ignored() {
        let digits = "9".repeat(400);
        let beyond = (LONGEST_HINT.as_secs() + 1).to_string();
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1e9",
            "1.",
            ".5",
            "1.5.0",
            "1,5",
            "0x10",
            "1 2",
            "30s",
            "NaN",
            "inf",
            "soon",
            "٣",
            "1\n",
            "\u{a0}1",
            "315360000",
            &beyond,
            &digits,
            "18446744073709551615",
            "18446744073709551616",
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:50:07",
            "Sun, 31 Feb 1995 08:50:07 GMT",
        ] {
            assert_eq!(hint(value), None, "{value:?}");
            assert!(value == beyond || value == "315360000" || retry_after_ms(value).is_none());
        }
        assert_eq!(retry_after_ms("31536000001"), None);
    }
}
