//! The errors of sqlx, for every database it speaks to.

use ::sqlx::Error;
use ::sqlx::error::{DatabaseError, ErrorKind};

use super::by_source::by_type;
use super::{Classification, Classify, Kind, messages, sqlstate};

/// An answer of the database goes by its [`sqlstate`] (Postgres, MySQL), its result code (SQLite)
/// or its text; a pool that had no connection left is an unsent timeout; a connection that broke
/// goes by the I/O error.
impl Classify for Error {
    fn classify(&self) -> Classification {
        match self {
            Error::Database(answer) => by_answer(&**answer),
            Error::Io(error) => error.classify(),
            // No connection was had, so nothing was sent over one.
            Error::PoolTimedOut => Classification::retryable().kind(Kind::Timeout).unsent(),
            // The connection is lost with its worker, and the next one has another.
            Error::WorkerCrashed => Classification::retryable(),
            Error::Tls(error) => by_type(&**error).unwrap_or(Classification::permanent()),
            _ => Classification::permanent(),
        }
    }
}

fn by_answer(answer: &dyn DatabaseError) -> Classification {
    if !matches!(answer.kind(), ErrorKind::Other) {
        // A constraint was violated.
        return Classification::permanent();
    }
    let code = answer.code();
    let by_code = match code.as_deref() {
        Some(code) if code.len() == 5 => sqlstate(code),
        Some(code) => sqlite(code),
        None => Classification::permanent(),
    };
    if by_code.is_retryable() {
        return by_code;
    }
    // MySQL reports an expired lock wait under its SQLSTATE for everything (`HY000`).
    messages::message(&answer.message()).unwrap_or(by_code)
}

/// A result code of SQLite in decimal: busy (5) and locked (6) are conflicts, whatever the
/// extension in the upper bytes says.
fn sqlite(code: &str) -> Classification {
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => Classification::retryable().kind(Kind::Conflict),
        _ => Classification::permanent(),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::error::Error as StdError;
    use std::fmt;

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::Error;
    use crate::classify::{Classification, Classify as _, Kind, by_source};

    #[derive(Debug)]
    struct Answer {
        code: Option<&'static str>,
        text: &'static str,
    }

    impl fmt::Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.text)
        }
    }

    impl StdError for Answer {}

    impl DatabaseError for Answer {
        fn message(&self) -> &str {
            self.text
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            self.code.map(Cow::Borrowed)
        }
        fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> ErrorKind {
            match self.code {
                Some("23505") => ErrorKind::UniqueViolation,
                _ => ErrorKind::Other,
            }
        }
    }

    fn answer(code: Option<&'static str>, text: &'static str) -> Classification {
        let error = Error::Database(Box::new(Answer { code, text }));
        error.classify()
    }

    #[test]
    fn answers_go_by_sqlstate() {
        assert_eq!(answer(Some("40001"), "").retryable_kind(), Some(Kind::Conflict));
        assert_eq!(answer(Some("57P01"), "").retryable_kind(), Some(Kind::Transient));
        assert!(!answer(Some("23505"), "deadlock detected").is_retryable());
        assert!(!answer(Some("42601"), "syntax error").is_retryable());
        assert!(!answer(None, "").is_retryable());
    }

    #[test]
    fn sqlite_goes_by_its_result_code() {
        for code in ["5", "6", "261", "262", "517", "773"] {
            assert_eq!(answer(Some(code), "").retryable_kind(), Some(Kind::Conflict), "{code}");
        }
        for code in ["1", "8", "19", "2067", ""] {
            assert!(!answer(Some(code), "").is_retryable(), "{code}");
        }
    }

    #[test]
    fn mysql_goes_by_text_where_its_code_says_nothing() {
        let text = "Lock wait timeout exceeded; try restarting transaction";
        assert_eq!(answer(Some("HY000"), text).retryable_kind(), Some(Kind::Conflict));
        assert!(!answer(Some("HY000"), "?").is_retryable());
    }

    #[test]
    fn errors_of_the_client_are_classified() {
        let pool = Error::PoolTimedOut.classify();
        assert_eq!(pool.retryable_kind(), Some(Kind::Timeout));
        assert!(pool.is_unsent());
        assert!(Error::Io(std::io::ErrorKind::BrokenPipe.into()).classify().is_retryable());
        assert!(Error::WorkerCrashed.classify().is_retryable());
        for error in [Error::RowNotFound, Error::PoolClosed, Error::Protocol(String::new())] {
            assert!(!error.classify().is_retryable(), "{error}");
        }
    }

    #[test]
    fn it_is_known_in_a_chain() {
        let error = std::io::Error::other(Error::PoolTimedOut);
        assert!(by_source(&error).is_unsent());
    }
}
