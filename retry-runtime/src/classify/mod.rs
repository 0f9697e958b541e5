//! What kind of failure an error is, and whether trying again may help.
//!
//! Knows errors and nothing else: no time, no policy, no attempt count.

#[cfg(feature = "anyhow")]
mod anyhow;
mod as_types;
mod by_source;
mod chain;
mod classification;
mod fields;
#[doc(hidden)]
pub mod find;
mod hint;
#[cfg(feature = "http")]
pub mod http;
mod io;
mod messages;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "reqwest")]
pub mod reqwest;
mod sqlstate;
#[cfg(feature = "sqlx")]
mod sqlx;
mod status;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "tokio-postgres")]
mod tokio_postgres;
#[cfg(feature = "tonic")]
mod tonic;

use std::convert::Infallible;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

pub use by_source::by_source;
pub use classification::{Classification, Kind};
#[doc(hidden)]
pub use fields::{HintField, InnerField, StatusField};
pub use hint::{LONGEST_HINT, retry_after, retry_after_ms};
pub use sqlstate::sqlstate;
pub use status::status;

/// An error that knows whether trying again may help.
///
/// Write it with `#[derive(Classify)]`, or by hand:
///
/// ```
/// use retry_runtime::classify::{Classification, Classify, Kind};
///
/// enum ApiError {
///     Unauthorized,
///     Slow,
/// }
///
/// impl Classify for ApiError {
///     fn classify(&self) -> Classification {
///         match self {
///             ApiError::Unauthorized => Classification::permanent(),
///             ApiError::Slow => Classification::retryable().kind(Kind::Timeout),
///         }
///     }
/// }
///
/// assert!(ApiError::Slow.classify().is_retryable());
/// assert!(!ApiError::Unauthorized.classify().is_retryable());
/// ```
#[diagnostic::on_unimplemented(
    message = "`#[retry]` does not know which `{Self}` are worth retrying",
    label = "no `Classify` for this error",
    note = "if the error is yours: add `#[derive(steadfast::Classify)]` to it",
    note = "or name what to retry: `#[retry(on = [ApiError::Timeout])]`, or `on = any`",
    note = "or decide in code: `#[retry(when = |error| error.is_timeout())]`"
)]
pub trait Classify {
    /// What this failure is.
    fn classify(&self) -> Classification;
}

impl<E: Classify + ?Sized> Classify for &E {
    fn classify(&self) -> Classification {
        (**self).classify()
    }
}

impl<E: Classify + ?Sized> Classify for Box<E> {
    fn classify(&self) -> Classification {
        (**self).classify()
    }
}

impl<E: Classify + ?Sized> Classify for Rc<E> {
    fn classify(&self) -> Classification {
        (**self).classify()
    }
}

impl<E: Classify + ?Sized> Classify for Arc<E> {
    fn classify(&self) -> Classification {
        (**self).classify()
    }
}

/// [By source](by_source), and so is every pointer to one: `Box<dyn Error>`, `Arc<dyn Error>`.
impl Classify for dyn Error + 'static {
    fn classify(&self) -> Classification {
        by_source(self)
    }
}

/// [By source](by_source).
impl Classify for dyn Error + Send + 'static {
    fn classify(&self) -> Classification {
        by_source(self)
    }
}

/// [By source](by_source).
impl Classify for dyn Error + Send + Sync + 'static {
    fn classify(&self) -> Classification {
        by_source(self)
    }
}

/// By its kind, or by a known error that it wraps.
impl Classify for std::io::Error {
    fn classify(&self) -> Classification {
        // Most I/O errors wrap nothing, so that there is no chain to walk.
        if self.get_ref().is_none() {
            return io::kind(self.kind()).unwrap_or(Classification::permanent());
        }
        by_source(self)
    }
}

impl Classify for Infallible {
    fn classify(&self) -> Classification {
        match *self {}
    }
}
