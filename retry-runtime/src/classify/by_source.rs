//! What an error is by what it wraps, for errors whose type says nothing.

use std::error::Error;

use super::chain::{as_type, links};
use super::{Classification, io};

/// The types that are known wherever they stand in a chain. The first that answers decides.
const KNOWN: &[fn(&(dyn Error + 'static)) -> Option<Classification>] = &[];

/// Classifies an error by the first error of a known type in its chain.
///
/// The chain is the error and its [`source`](Error::source)s, and also what stands inside an
/// `io::Error` or an `Arc`, at most 64 links. Nothing known: permanent.
///
/// ```
/// use std::io;
/// use retry_runtime::classify::by_source;
///
/// let error: Box<dyn std::error::Error> =
///     Box::new(io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused)));
///
/// assert!(by_source(&*error).is_unsent());
/// assert!(!by_source(&std::fmt::Error).is_retryable());
/// ```
pub fn by_source(error: &(dyn Error + 'static)) -> Classification {
    let mut by_kind = None;
    for link in links(error) {
        if let Some(known) = KNOWN.iter().find_map(|known| known(link)) {
            return known;
        }
        // The kind of an `io::Error` that wraps another error is the word of whoever wrapped it;
        // a known error inside says it more exactly.
        if let Some(error) = as_type::<std::io::Error>(link)
            && by_kind.is_none()
        {
            by_kind = io::kind(error.kind());
            if error.get_ref().is_none()
                && let Some(by_kind) = by_kind
            {
                return by_kind;
            }
        }
    }
    by_kind.unwrap_or(Classification::permanent())
}
