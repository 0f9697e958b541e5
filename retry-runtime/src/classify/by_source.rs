//! What an error is by what it wraps, for errors whose type says nothing.

use std::error::Error;

use super::chain::{as_type, links};
use super::{Classification, io, messages};

type Row = fn(&(dyn Error + 'static)) -> Option<Classification>;

/// The types that are known wherever they stand in a chain. The first link that is one decides.
const KNOWN: &[Row] = &[
    super::find::rows::class_of::<crate::AttemptTimeout>,
    #[cfg(feature = "http")]
    super::find::rows::class_of::<super::http::StatusError>,
    #[cfg(feature = "redis")]
    super::find::rows::class_of::<::redis::RedisError>,
    #[cfg(feature = "reqwest")]
    super::find::rows::class_of::<::reqwest::Error>,
    #[cfg(feature = "sqlx")]
    super::find::rows::class_of::<::sqlx::Error>,
    #[cfg(feature = "tokio")]
    super::find::rows::class_of::<::tokio::time::error::Elapsed>,
    #[cfg(feature = "tokio-postgres")]
    super::find::rows::class_of::<::tokio_postgres::Error>,
    #[cfg(feature = "tonic")]
    super::find::rows::class_of::<::tonic::Status>,
];

/// Classifies an error by the first error of a known type in its chain.
///
/// The chain is the error and its [`source`](Error::source)s, and also what stands inside an
/// `io::Error` or an `Arc`, at most 64 links. Known are `std::io::Error` and the errors of the
/// packages whose features are on; of an `io::Error` that wraps a known error, the inner one
/// decides.
///
/// Where no type is known, the texts of the chain are searched for what databases say of deadlocks,
/// locks and duplicate keys (Postgres, `MySQL`, `SQLite`, SQL Server, Oracle) and for a name server
/// that is failing. This is a last resort: it is English only, and a text that quotes one of these
/// is taken for it. Everything else is permanent.
///
/// ```
/// use std::io;
/// use retry_runtime::Kind;
/// use retry_runtime::classify::by_source;
///
/// let error: Box<dyn std::error::Error> =
///     Box::new(io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused)));
/// assert!(by_source(&*error).is_unsent());
///
/// let error: Box<dyn std::error::Error> = "Deadlock found when trying to get lock".into();
/// assert_eq!(by_source(&*error).retryable_kind(), Some(Kind::Conflict));
///
/// assert!(!by_source(&std::fmt::Error).is_retryable());
/// ```
pub fn by_source(error: &(dyn Error + 'static)) -> Classification {
    by_type(error)
        .or_else(|| links(error).find_map(|link| messages::message(link)))
        .unwrap_or(Classification::permanent())
}

/// The same of an error whose own type is none of the known ones; it need not be `'static`.
pub(crate) fn by_content(error: &dyn Error) -> Classification {
    let below = error.source();
    below
        .and_then(by_type)
        .or_else(|| messages::message(&error))
        .or_else(|| links(below?).find_map(|link| messages::message(&link)))
        .unwrap_or(Classification::permanent())
}

/// The word of the first known type, without reading texts.
pub(crate) fn by_type(error: &(dyn Error + 'static)) -> Option<Classification> {
    let mut of_wrapper = None;
    for link in links(error) {
        if let Some(known) = KNOWN.iter().find_map(|known| known(link)) {
            return Some(known);
        }
        if let Some(error) = as_type::<std::io::Error>(link) {
            // The kind of an `io::Error` around another error is the word of whoever wrapped it. A
            // known error inside says it more exactly, so the walk goes on.
            of_wrapper = of_wrapper.or(io::kind(error.kind()));
            if error.get_ref().is_none() {
                return io::kind(error.kind()).or(of_wrapper);
            }
        }
    }
    of_wrapper
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;
    use std::io::{self, ErrorKind};
    use std::sync::Arc;

    use super::by_source;
    use crate::Kind;

    #[derive(Debug)]
    struct Outer(Box<dyn Error + Send + Sync>);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn nothing_known_is_permanent() {
        assert!(!by_source(&fmt::Error).is_retryable());
        assert!(!by_source(&Outer("text".into())).is_retryable());
    }

    #[test]
    fn the_first_known_link_decides() {
        let reset = || io::Error::from(ErrorKind::ConnectionReset);
        assert!(by_source(&reset()).is_retryable());
        assert!(by_source(&Outer(reset().into())).is_retryable());
        assert!(by_source(&Outer(Outer(reset().into()).into())).is_retryable());
        assert!(by_source(&Outer(Arc::new(reset()).into())).is_retryable());
    }

    #[test]
    fn an_error_inside_an_io_error_outranks_its_kind() {
        let refused = io::Error::from(ErrorKind::ConnectionRefused);
        let error = io::Error::new(ErrorKind::NotFound, Outer(refused.into()));
        assert!(by_source(&error).is_unsent());
        let error = io::Error::new(ErrorKind::TimedOut, io::Error::from(ErrorKind::NotFound));
        assert!(!by_source(&error).is_retryable());
    }

    #[test]
    fn the_kind_of_an_io_error_decides_where_its_content_is_unknown() {
        let error = io::Error::new(ErrorKind::TimedOut, "deadlock detected");
        assert_eq!(by_source(&error).retryable_kind(), Some(Kind::Timeout));
        let error = io::Error::new(ErrorKind::TimedOut, io::Error::other("?"));
        assert_eq!(by_source(&error).retryable_kind(), Some(Kind::Timeout));
        assert!(!by_source(&io::Error::other("?")).is_retryable());
    }

    #[test]
    fn texts_are_the_last_resort() {
        let error = Outer("deadlock detected".into());
        assert_eq!(by_source(&error).retryable_kind(), Some(Kind::Conflict));
        let error = io::Error::other("deadlock detected");
        assert_eq!(by_source(&error).retryable_kind(), Some(Kind::Conflict));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn elapsed_is_a_timeout() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let elapsed = runtime
            .block_on(async {
                tokio::time::timeout(std::time::Duration::ZERO, std::future::pending::<()>()).await
            })
            .unwrap_err();
        let error = by_source(&Outer(elapsed.into()));
        assert_eq!(error.retryable_kind(), Some(Kind::Timeout));
        assert!(!error.is_unsent());
    }
}
