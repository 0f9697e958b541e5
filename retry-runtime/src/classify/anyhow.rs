//! `anyhow::Error` by what it wraps.

use super::{Classification, Classify, by_source};

/// [By source](by_source). A context is no error and says nothing; what it was put on does.
impl Classify for ::anyhow::Error {
    fn classify(&self) -> Classification {
        by_source(&**self)
    }
}

#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the references that generated code writes")]
mod tests {
    use std::io::{self, ErrorKind};

    use anyhow::Context as _;

    use crate::classify::Classify as _;
    use crate::classify::find::{probe, ways::*};

    #[test]
    fn the_error_below_the_context_decides() {
        let error = Err::<(), _>(io::Error::from(ErrorKind::ConnectionRefused))
            .context("connecting")
            .context("sending")
            .unwrap_err();
        assert!(error.classify().is_unsent());
        assert!(!anyhow::anyhow!("text").classify().is_retryable());
    }

    #[test]
    fn types_are_found_in_it() {
        let error = anyhow::Error::from(io::Error::from(ErrorKind::TimedOut)).context("reading");
        assert!((&&&&probe::<io::Error, _>(&error)).steadfast_any(|_: &io::Error| true));
        assert!(
            (&&&&probe::<ErrorKind, _>(&error))
                .steadfast_any(|kind: &ErrorKind| { matches!(kind, ErrorKind::TimedOut) })
        );
        assert!(
            !(&&&&probe::<std::fmt::Error, _>(&error)).steadfast_any(|_: &std::fmt::Error| true)
        );
    }
}
