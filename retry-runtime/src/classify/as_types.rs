//! Classification of errors by types that the user names.

/// A classifier for errors that hold others: the first of the given types in the chain says what it
/// is.
///
/// A `Box<dyn Error>` and an `anyhow::Error` have forgotten which of the user's own types they
/// hold, so their [`Classify`](crate::Classify) knows foreign errors only. This names the types;
/// each has to implement `Classify` and `std::error::Error`. Where none of them is found, the error
/// is permanent.
///
/// The value is a function from a reference to the error to a
/// [`Classification`](crate::Classification): for `Box`, `Arc` and `Rc` of a `dyn Error`, for
/// `anyhow::Error` and others that point to one, and for every error type, whose chain is searched
/// with itself at its head.
///
/// In an `anyhow::Error` (feature `anyhow`) a context of a named type is found, too, and counts
/// before everything below. Of several contexts the type that is named first decides.
///
/// ```
/// use retry_runtime::classify_as;
/// use retry_runtime::classify::{Classification, Classify};
///
/// #[derive(Debug)]
/// struct Busy;
///
/// impl std::fmt::Display for Busy {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str("busy")
///     }
/// }
///
/// impl std::error::Error for Busy {}
///
/// impl Classify for Busy {
///     fn classify(&self) -> Classification {
///         Classification::retryable()
///     }
/// }
///
/// type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// let classify: fn(&BoxError) -> Classification = classify_as![Busy, std::io::Error];
///
/// assert!(classify(&Busy.into()).is_retryable());
/// assert!(classify(&std::io::Error::other(Busy).into()).is_retryable());
/// assert!(!classify(&"busy".into()).is_retryable());
/// ```
#[macro_export]
macro_rules! classify_as {
    ($($error:ty),+ $(,)?) => {{
        // A generic function, not a closure: the error type is often known only where it is called.
        fn __steadfast_classify_as<E, M>(error: &E) -> $crate::classify::Classification
        where
            E: $crate::classify::find::rows::Searched<M> + ?::core::marker::Sized,
        {
            use $crate::classify::find::ways::*;
            $crate::classify::find::rows::Searched::search(
                error,
                &[$((&&$crate::classify::find::row::<$error>()).steadfast_row()),+],
            )
        }
        __steadfast_classify_as
    }};
}
