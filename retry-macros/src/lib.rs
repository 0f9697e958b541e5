//! The attributes of `steadfast`. Depend on `steadfast`, which re-exports them.

mod derive;
mod diagnostics;
mod durations;
mod entries;
mod entry;
mod expand;
mod items;
mod limits;
mod model;
mod options;
mod parse;
mod runtime_path;
mod siblings;
mod signature;
mod templates;
mod validate;
mod values;

use proc_macro::TokenStream;

/// Calls the body again when it fails in a way that may pass.
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::retry(args.into(), &item.into()).into()
}

/// Stops calling what keeps failing, and finds out when it is back.
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::circuit_breaker(args.into(), &item.into()).into()
}

/// Runs the body once for each key, and answers duplicates with the first result.
#[proc_macro_attribute]
pub fn idempotent(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::idempotent(args.into(), &item.into()).into()
}

/// Implements `Classify`: every variant says whether trying again may help.
///
/// | on a variant | meaning |
/// |---|---|
/// | `#[retryable]` | trying again may help |
/// | `#[retryable(kind = timeout)]` | so does `transient` (default), `throttled`, `conflict` |
/// | `#[retryable(after = field)]` | the server's hint: a `Duration` or `Option<Duration>` field |
/// | `#[retryable(unsent)]` | it surely never reached the other side |
/// | `#[permanent]` | trying again cannot help |
/// | `#[classify(transparent)]` | the only field says; `transparent = field` names one of several |
/// | `#[classify(status = field)]` | an HTTP status, `u16` or `http::StatusCode`; with `after = field`, too |
/// | `#[classify(with = function)]` | the function says; it takes every field by reference, in order |
///
/// Fields of tuples are named by index: `after = 0`. The options of one attribute combine. A struct
/// carries the attribute itself. `#[classify(crate = path)]` in front of the type is for
/// re-exports.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Classification, Classify, Kind};
///
/// #[derive(Classify)]
/// enum ApiError {
///     #[retryable(kind = timeout)]
///     Timeout,
///     #[retryable(kind = throttled, after = retry_in)]
///     RateLimited { retry_in: Option<Duration> },
///     #[classify(status = status)]
///     Http { status: u16, body: String },
///     #[classify(transparent)]
///     Io(std::io::Error),
///     #[classify(with = by_code)]
///     Vendor(u32, String),
///     #[permanent]
///     Unauthorized,
/// }
///
/// fn by_code(code: &u32, _text: &String) -> Classification {
///     if *code == 7 { Classification::retryable() } else { Classification::permanent() }
/// }
///
/// let hint = Some(Duration::from_secs(2));
/// assert_eq!(ApiError::Timeout.classify().retryable_kind(), Some(Kind::Timeout));
/// assert_eq!(ApiError::RateLimited { retry_in: hint }.classify().hint(), hint);
/// assert!(ApiError::Http { status: 503, body: String::new() }.classify().is_retryable());
/// assert!(ApiError::Io(std::io::ErrorKind::BrokenPipe.into()).classify().is_retryable());
/// assert!(!ApiError::Vendor(8, String::new()).classify().is_retryable());
/// assert!(!ApiError::Unauthorized.classify().is_retryable());
/// ```
///
/// Refused: a variant that says nothing, because nobody decided.
///
/// ```compile_fail
/// #[derive(steadfast::Classify)]
/// enum ApiError {
///     #[retryable]
///     Timeout,
///     Unauthorized,
/// }
/// ```
///
/// # Expands to
///
/// An `impl Classify` with one arm a variant. A field that is asked (`transparent`, `status`,
/// `after`) and whose type names a type parameter adds a bound on that type; nothing else does.
#[proc_macro_derive(Classify, attributes(retryable, permanent, classify))]
pub fn derive_classify(input: TokenStream) -> TokenStream {
    expand::classify::derive_classify(input.into()).into()
}
