//! Finding a type in an error, for the entries of `on` and `not_on`.
//!
//! Only generated code calls this. It knows an error as `&E` and a type `T` by the user's words,
//! and nothing about either; which of the ways below fits is decided by the compiler. A trait with
//! one blanket implementation a way would overlap with itself, so each way is a trait of its own,
//! implemented for a different number of references, and method lookup takes the first that fits:
//!
//! 1. [`InChain`]: `E: Error + 'static`. The error itself and everything it wraps.
//! 2. [`Itself`]: `E` is `T` and no error type.
//! 3. [`Behind`]: `E: Deref` to a `dyn Error`: every box, `anyhow::Error`, `eyre::Report`.
//! 4. [`Elsewhere`]: pointers straight to a `T`, and otherwise the compile error.
//!
//! An `anyhow::Error` has a way of its own beside the first, because a context of a wanted type is
//! found by no other.
//!
//! Lookup ignores lifetimes. An error type that borrows would be taken by the first way and refused
//! there, so [`borrowed`] has other ways for it.

pub mod borrowed;
pub mod own;
pub mod rows;
#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the references that generated code writes")]
mod tests;

use std::error::Error;
use std::io;
use std::ops::Deref;

use super::chain::{as_type, links};

pub use borrowed::probe_borrowed;
pub use own::{TextFn, error_text, own_class, text_of, told};
pub use rows::row;

/// Asks whether a `T` can be found in an error of type `E`.
///
/// Generated code writes four references and imports the ways by glob. The methods have names of
/// their own, since a trait in the user's scope may give every type an `any`:
///
/// ```
/// use std::io;
/// use retry_runtime::classify::find;
///
/// fn is_timeout(error: &Box<dyn std::error::Error + Send + Sync>) -> bool {
///     use find::ways::*;
///     (&&&&find::probe::<io::ErrorKind, _>(error))
///         .steadfast_any(|found: &io::ErrorKind| matches!(found, io::ErrorKind::TimedOut))
/// }
///
/// assert!(is_timeout(&io::Error::from(io::ErrorKind::TimedOut).into()));
/// assert!(!is_timeout(&io::Error::from(io::ErrorKind::NotFound).into()));
/// ```
#[must_use]
pub const fn probe<T, E: ?Sized>(error: &E) -> Probe<'_, E, T> {
    Probe { error, wanted: std::marker::PhantomData }
}

/// An error and the type that is looked for; see [`probe`].
#[derive(Debug)]
pub struct Probe<'a, E: ?Sized, T> {
    error: &'a E,
    wanted: std::marker::PhantomData<fn() -> T>,
}

/// The ways of [`Probe`] and of everything else that is asked like it, for a glob import that adds
/// no name to the user's scope.
pub mod ways {
    #[cfg(feature = "anyhow")]
    pub use super::InContext as _;
    pub use super::borrowed::{Below as _, Same as _};
    pub use super::own::{Classified as _, ClassifiedBySource as _, Unclassified as _};
    pub use super::own::{Displayed as _, Telling as _, Textless as _, Untold as _};
    pub use super::rows::{Local as _, Shared as _};
    pub use super::{Behind as _, Elsewhere as _, InChain as _, Itself as _};
}

/// Whether a type can stand in an error chain, and as what.
///
/// `M` tells the two kinds apart; both as one trait without it would overlap.
pub trait Wanted<M>: Sized {
    /// Whether `test` holds for any `Self` in the chain that starts at `error`.
    fn any_in(error: &(dyn Error + 'static), test: &mut dyn FnMut(&Self) -> bool) -> bool;
}

/// Marks a type that is an error: it is looked for by its type.
#[derive(Debug)]
pub struct AsLink(());

/// Marks a property of known errors, such as `io::ErrorKind`: it is asked of those.
#[derive(Debug)]
pub struct AsProperty(());

impl<T: Error + 'static> Wanted<AsLink> for T {
    fn any_in(error: &(dyn Error + 'static), test: &mut dyn FnMut(&Self) -> bool) -> bool {
        links(error).filter_map(as_type::<T>).any(test)
    }
}

impl Wanted<AsProperty> for io::ErrorKind {
    fn any_in(error: &(dyn Error + 'static), test: &mut dyn FnMut(&Self) -> bool) -> bool {
        links(error).filter_map(as_type::<io::Error>).any(|error| test(&error.kind()))
    }
}

#[cfg(feature = "http")]
impl Wanted<AsProperty> for ::http::StatusCode {
    fn any_in(error: &(dyn Error + 'static), test: &mut dyn FnMut(&Self) -> bool) -> bool {
        links(error).filter_map(super::http::status_of).any(|status| test(&status))
    }
}

#[cfg(feature = "tonic")]
impl Wanted<AsProperty> for ::tonic::Code {
    fn any_in(error: &(dyn Error + 'static), test: &mut dyn FnMut(&Self) -> bool) -> bool {
        links(error).filter_map(as_type::<::tonic::Status>).any(|status| test(&status.code()))
    }
}

/// First way: the error is an error type, the search goes through its chain.
pub trait InChain<T, M> {
    /// Whether `test` holds for any `T` in the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

impl<E: Error + 'static, T: Wanted<M>, M> InChain<T, M> for &&&Probe<'_, E, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        T::any_in(self.error, &mut test)
    }
}

/// Beside the first way: the contexts of an `anyhow::Error`, which its chain hides. Of several of
/// the wanted type the outermost is seen, and all links below.
#[cfg(feature = "anyhow")]
pub trait InContext<T> {
    /// Whether `test` holds for any `T` in the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

#[cfg(feature = "anyhow")]
impl<T: Error + Send + Sync + 'static> InContext<T> for &&&Probe<'_, ::anyhow::Error, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        self.error.downcast_ref::<T>().is_some_and(&mut test) || T::any_in(&**self.error, &mut test)
    }
}

/// Second way: the error is the wanted type.
pub trait Itself<T> {
    /// Whether `test` holds for the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

impl<T> Itself<T> for &&Probe<'_, T, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        test(self.error)
    }
}

/// Third way: the error points to an error of any type.
pub trait Behind<T, M> {
    /// Whether `test` holds for any `T` in the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool;
}

impl<E: Deref<Target: AsError> + ?Sized, T: Wanted<M>, M> Behind<T, M> for &Probe<'_, E, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool {
        T::any_in(self.error.as_error(), &mut test)
    }
}

/// An error of any type, with or without the auto traits.
pub trait AsError {
    /// The error without them.
    fn as_error(&self) -> &(dyn Error + 'static);
}

macro_rules! as_error {
    ($($error:ty),*) => {$(
        impl AsError for $error {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

as_error!(dyn Error, dyn Error + Send, dyn Error + Send + Sync);

/// Last way: a pointer to the wanted type, and the error message for the rest.
pub trait Elsewhere<E: ?Sized, T> {
    /// Whether `test` holds for the `T` in the error.
    fn steadfast_any(&self, test: impl FnMut(&T) -> bool) -> bool
    where
        E: CanHold<T>;
}

impl<E: ?Sized, T> Elsewhere<E, T> for Probe<'_, E, T> {
    fn steadfast_any(&self, mut test: impl FnMut(&T) -> bool) -> bool
    where
        E: CanHold<T>,
    {
        test(self.error.held())
    }
}

/// Errors that hold a `T` without being errors themselves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can never hold a `{T}`",
    label = "no `{T}` can be found in this error",
    note = "an entry of `on`, `not_on` or `ignore` names the error type of the function, or an error type \
            (`std::error::Error + 'static`) that it can wrap",
    note = "a generic error type needs the bound `std::error::Error + 'static`",
    note = "for anything else decide in code: `when = |error| …`"
)]
pub trait CanHold<T> {
    /// The `T`.
    fn held(&self) -> &T;
}

#[diagnostic::do_not_recommend]
impl<E: Deref<Target = T> + ?Sized, T> CanHold<T> for E {
    fn held(&self) -> &T {
        self
    }
}
