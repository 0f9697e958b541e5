//! Classification of boxed errors by types that the user names.

/// A classifier for boxed errors: the first of the given types in the chain says what it is.
///
/// A `Box<dyn Error>` and an `anyhow::Error` have forgotten which of the user's own types they
/// hold, so their [`Classify`](crate::Classify) knows foreign errors only. This names the types;
/// each has to implement `Classify` and `std::error::Error`. Where none of them is found, the error
/// is permanent.
///
/// The value is a function from a reference to the error to a
/// [`Classification`](crate::Classification), for every smart pointer to a `dyn Error`.
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
        fn __steadfast_classify_as<E>(error: &E) -> $crate::classify::Classification
        where
            E: ::core::ops::Deref<Target: $crate::classify::find::AsError> + ?::core::marker::Sized,
        {
            $crate::classify::find::first_class(
                $crate::classify::find::AsError::as_error(&**error),
                &[$($crate::classify::find::class_of::<$error>),+],
            )
        }
        __steadfast_classify_as
    }};
}
