//! gRPC statuses as tonic reports them.

use std::error::Error as _;
use std::time::Duration;

use ::tonic::{Code, Status};

use super::by_source::by_type;
use super::{Classification, Classify, Kind};

/// The header in which a gRPC server says when to come back, or not to (gRFC A6).
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// By code, and by the server's pushback where it sent one.
///
/// `Unavailable` is transient, `DeadlineExceeded` a timeout, `ResourceExhausted` throttled,
/// `Aborted` a conflict; other codes are permanent, unless the status came from a connection that
/// broke. `grpc-retry-pushback-ms` outranks the code (gRFC A6): zero or more is a hint, a negative
/// or unreadable value forbids retrying.
impl Classify for Status {
    fn classify(&self) -> Classification {
        let class = by_code(self);
        match pushback(self) {
            None => class,
            Some(Pushback::Never) => Classification::permanent(),
            Some(Pushback::After(hint)) if class.is_retryable() => class.after(hint),
            Some(Pushback::After(hint)) => Classification::retryable().after(hint),
        }
    }
}

fn by_code(status: &Status) -> Classification {
    // Only a status that was made on this side has a source: the error of the connection.
    let inner = status.source().and_then(by_type);
    match status.code() {
        Code::Unavailable => match inner {
            Some(class) if class.is_unsent() => Classification::retryable().unsent(),
            _ => Classification::retryable(),
        },
        Code::DeadlineExceeded => Classification::retryable().kind(Kind::Timeout),
        Code::ResourceExhausted => Classification::retryable().kind(Kind::Throttled),
        Code::Aborted => Classification::retryable().kind(Kind::Conflict),
        // What this side calls a connection that broke under a call.
        Code::Unknown | Code::Internal | Code::Cancelled => {
            inner.unwrap_or(Classification::permanent())
        }
        _ => Classification::permanent(),
    }
}

/// What a server says about trying again.
enum Pushback {
    Never,
    After(Duration),
}

/// The server's pushback, where it sent one. Of several values the longest counts, and a refusal
/// before all.
fn pushback(status: &Status) -> Option<Pushback> {
    status
        .metadata()
        .get_all(PUSHBACK)
        .into_iter()
        .map(|value| match value.to_str() {
            // The sign of `+5` is not in the grammar, but in that of the parser.
            Ok(text) if text.starts_with(|first: char| first.is_ascii_digit()) => text
                .parse()
                .map_or(Pushback::Never, |ms| Pushback::After(Duration::from_millis(ms))),
            _ => Pushback::Never,
        })
        .reduce(|one, other| match (one, other) {
            (Pushback::After(one), Pushback::After(other)) => Pushback::After(one.max(other)),
            _ => Pushback::Never,
        })
}

#[cfg(all(test, feature = "http"))]
mod wire;

#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the references that generated code writes")]
mod tests {
    use std::io::{self, ErrorKind};
    use std::time::Duration;

    use tonic::{Code, Status};

    use super::PUSHBACK;
    use crate::classify::find::{probe, ways::*};
    use crate::classify::{Classification, Classify as _, Kind, by_source};

    const CODES: i32 = 17;

    fn class(code: Code, pushback: &[&'static str]) -> Classification {
        let mut status = Status::new(code, "");
        for value in pushback {
            status.metadata_mut().append(PUSHBACK, value.parse().unwrap());
        }
        status.classify()
    }

    #[test]
    fn four_codes_are_retryable_and_no_other() {
        for code in (0..CODES).map(Code::from_i32) {
            let expected = match code {
                Code::Unavailable => Some(Kind::Transient),
                Code::DeadlineExceeded => Some(Kind::Timeout),
                Code::ResourceExhausted => Some(Kind::Throttled),
                Code::Aborted => Some(Kind::Conflict),
                _ => None,
            };
            assert_eq!(class(code, &[]).retryable_kind(), expected, "{code:?}");
        }
    }

    #[test]
    fn pushback_outranks_the_code() {
        for code in (1..CODES).map(Code::from_i32) {
            for (text, millis) in [("0", 0), ("123", 123), ("86400000", 86_400_000)] {
                assert!(class(code, &[text]).is_retryable(), "{code:?}");
                assert_eq!(class(code, &[text]).hint(), Some(Duration::from_millis(millis)));
            }
            for text in ["-1", "", "soon", "1.5", "+5", "99999999999999999999"] {
                assert!(!class(code, &[text]).is_retryable(), "{code:?} {text}");
            }
        }
        let kind = class(Code::ResourceExhausted, &["5"]).retryable_kind();
        assert_eq!(kind, Some(Kind::Throttled));
    }

    #[test]
    fn of_several_pushbacks_the_longest_counts_and_a_refusal_before_all() {
        let hint = class(Code::Unavailable, &["10", "30", "20"]).hint();
        assert_eq!(hint, Some(Duration::from_millis(30)));
        assert!(!class(Code::Unavailable, &["10", "-1", "20"]).is_retryable());
    }

    #[test]
    fn a_connection_that_was_refused_is_unsent() {
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        let mut status = Status::new(Code::Unavailable, "");
        status.set_source(std::sync::Arc::new(refused));
        assert!(status.classify().is_unsent());
    }

    #[test]
    fn a_connection_that_broke_is_transient_under_any_code() {
        let mut status = Status::new(Code::Unknown, "");
        status.set_source(std::sync::Arc::new(io::Error::from(ErrorKind::BrokenPipe)));
        assert!(status.classify().is_retryable());
    }

    #[test]
    fn codes_are_found_in_a_chain() {
        let error = io::Error::other(Status::new(Code::Aborted, ""));
        assert!(
            (&&&&probe::<Code, _>(&error))
                .steadfast_any(|code: &Code| matches!(code, Code::Aborted))
        );
        assert!(
            !(&&&&probe::<Code, _>(&error)).steadfast_any(|code: &Code| matches!(code, Code::Ok))
        );
        assert_eq!(by_source(&error).retryable_kind(), Some(Kind::Conflict));
    }
}
