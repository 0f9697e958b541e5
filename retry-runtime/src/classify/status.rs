//! HTTP status codes as numbers, so that errors classify by status without any HTTP package.

use super::{Classification, Kind};

/// Classifies an HTTP status code.
///
/// | status | class |
/// |---|---|
/// | 408, 504 | timeout |
/// | 429 | throttled |
/// | 425, 500, 502, 503 | transient |
/// | everything else | permanent |
///
/// ```
/// use retry_runtime::Kind;
/// use retry_runtime::classify::status;
///
/// assert_eq!(status(429).retryable_kind(), Some(Kind::Throttled));
/// assert!(!status(404).is_retryable());
/// ```
pub const fn status(code: u16) -> Classification {
    match code {
        408 | 504 => Classification::retryable().kind(Kind::Timeout),
        429 => Classification::retryable().kind(Kind::Throttled),
        425 | 500 | 502 | 503 => Classification::retryable(),
        _ => Classification::permanent(),
    }
}

#[cfg(test)]
mod tests {
    use super::status;
    use crate::Kind;

    #[test]
    fn seven_codes_are_retryable_and_no_other() {
        for code in 0..=u16::MAX {
            let expected = match code {
                408 | 504 => Some(Kind::Timeout),
                429 => Some(Kind::Throttled),
                425 | 500 | 502 | 503 => Some(Kind::Transient),
                _ => None,
            };
            assert_eq!(status(code).retryable_kind(), expected, "{code}");
            assert!(!status(code).is_unsent(), "{code}");
        }
    }
}
