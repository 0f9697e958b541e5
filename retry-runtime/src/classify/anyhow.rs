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
    use std::time::Duration;

    use anyhow::Context as _;

    use crate::classify::find::{probe, ways::*};
    use crate::classify::{Classification, Classify};

    #[test]
    fn the_error_below_the_context_decides() {
        let error = Err::<(), _>(io::Error::from(ErrorKind::ConnectionRefused))
            .context("connecting")
            .context("sending")
            .unwrap_err();
        assert!(error.classify().is_unsent());
        assert!(!anyhow::anyhow!("text").classify().is_retryable());
    }

    #[derive(Debug)]
    enum Api {
        Busy(u64),
        Gone,
    }

    impl std::fmt::Display for Api {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("api")
        }
    }

    impl std::error::Error for Api {}

    impl Classify for Api {
        fn classify(&self) -> Classification {
            match self {
                Api::Busy(seconds) => {
                    Classification::retryable().after(Duration::from_secs(*seconds))
                }
                Api::Gone => Classification::permanent(),
            }
        }
    }

    macro_rules! busy {
        ($error:expr) => {
            (&&&&probe::<Api, _>($error)).steadfast_any(|api: &Api| matches!(api, Api::Busy(_)))
        };
    }

    #[test]
    fn a_context_of_a_wanted_type_is_found() {
        let text = || anyhow::anyhow!("text");
        assert!(busy!(&text().context(Api::Busy(1))));
        assert!(busy!(&text().context(Api::Busy(1)).context("sending").context("ordering")));
        assert!(!busy!(&text().context(Api::Gone)));
        assert!(!busy!(&text().context("busy")));
        // Of two the outermost is seen; the root is a link, whatever stands around it.
        assert!(!busy!(&text().context(Api::Busy(1)).context(Api::Gone)));
        assert!(busy!(&anyhow::Error::from(Api::Busy(1)).context(Api::Gone)));
        let wrapped = anyhow::Error::from(io::Error::other(Api::Busy(1)));
        assert!(busy!(&wrapped.context(std::fmt::Error)));
        assert!(
            (&&&&probe::<std::fmt::Error, _>(&text().context(std::fmt::Error)))
                .steadfast_any(|_: &std::fmt::Error| true)
        );
    }

    #[test]
    fn a_type_that_stays_on_its_thread_is_looked_for_in_the_chain() {
        #[derive(Debug)]
        struct Local(#[allow(dead_code)] std::rc::Rc<()>);
        impl std::fmt::Display for Local {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("local")
            }
        }
        impl std::error::Error for Local {}
        impl Classify for Local {
            fn classify(&self) -> Classification {
                Classification::retryable()
            }
        }
        let error = anyhow::Error::from(Api::Busy(1));
        assert!(!(&&&&probe::<Local, _>(&error)).steadfast_any(|_: &Local| true));
        assert!(crate::classify_as![Local, Api](&error).is_retryable());
    }

    #[test]
    fn a_named_context_classifies_before_what_it_was_put_on() {
        let classify: fn(&anyhow::Error) -> Classification = crate::classify_as![Api, io::Error];
        let timed_out = || anyhow::Error::from(io::Error::from(ErrorKind::TimedOut));
        assert_eq!(classify(&timed_out()).retryable_kind(), Some(crate::Kind::Timeout));
        let busy = classify(&timed_out().context(Api::Busy(7)).context("ordering"));
        assert_eq!(busy.hint(), Some(Duration::from_secs(7)));
        assert!(!classify(&timed_out().context(Api::Gone)).is_retryable());
        // The root is no context: the type that stands outside it decides.
        let root = anyhow::Error::from(Api::Gone).context(io::Error::from(ErrorKind::TimedOut));
        assert!(classify(&root).is_retryable());
        assert!(!classify(&anyhow::anyhow!("text")).is_retryable());
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
