//! Finding a type in an error that borrows: `ParseError<'_>`.
//!
//! Such an error is no link of a chain, since those are `'static`; what it wraps is one. It is looked
//! at by its type alone, and everything below by its chain. An error of the same type that it wraps
//! is not found, because lookup by type cannot tell `ParseError<'_>` from `ParseError<'static>`.

use std::error::Error;
use std::ops::Deref;

use super::{AsError, Behind, CanHold, Elsewhere, Wanted};

/// Asks whether a `T` can be found in an error of type `E`, which borrows; as
/// [`probe`](super::probe).
///
/// ```
/// use retry_runtime::classify::find;
///
/// #[derive(Debug)]
/// struct Refused<'a>(&'a str);
///
/// impl std::fmt::Display for Refused<'_> {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         f.write_str(self.0)
///     }
/// }
///
/// impl std::error::Error for Refused<'_> {}
///
/// fn is_busy(error: &Refused<'_>) -> bool {
///     use find::ways::*;
///     (&&&&find::probe_borrowed::<Refused, _>(error))
///         .steadfast_any(|found: &Refused<'_>| found.0 == "busy")
/// }
///
/// let text = String::from("busy");
/// assert!(is_busy(&Refused(&text)));
/// assert!(!is_busy(&Refused(&text[1..])));
/// ```
#[must_use]
pub const fn probe_borrowed<T, E: ?Sized>(error: &E) -> ProbeBorrowed<'_, E, T> {
    ProbeBorrowed { error, wanted: std::marker::PhantomData }
}

/// An error that borrows and the type that is looked for; see [`probe_borrowed`].
#[derive(Debug)]
pub struct ProbeBorrowed<'a, E: ?Sized, T> {
    error: &'a E,
    wanted: std::marker::PhantomData<fn() -> T>,
}

/// First way: the error is the wanted type.
pub trait Same<T> {
    /// Whether `test` holds for the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

impl<T> Same<T> for &&&ProbeBorrowed<'_, T, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        test(self.error)
    }
}

/// Second way: the error is an error type, and wraps others.
pub trait Below<T, M> {
    /// Whether `test` holds for any `T` below the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

impl<E: Error, T: Wanted<M>, M> Below<T, M> for &&ProbeBorrowed<'_, E, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        self.error.source().is_some_and(|error| T::any_in(error, &mut test))
    }
}

impl<E: Deref<Target: AsError> + ?Sized, T: Wanted<M>, M> Behind<T, M>
    for &ProbeBorrowed<'_, E, T>
{
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        T::any_in(self.error.as_error(), &mut test)
    }
}

impl<E: ?Sized, T> Elsewhere<E, T> for ProbeBorrowed<'_, E, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool
    where
        E: CanHold<T>,
    {
        test(self.error.held())
    }
}
