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
//! Lookup ignores lifetimes. An error type with a lifetime parameter is therefore taken by the
//! first way and refused there; `when` serves it.

use std::error::Error;
use std::io;
use std::ops::Deref;

use super::chain::{as_type, links};
use super::{Classification, Classify};

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

/// The ways of [`Probe`], [`TextProbe`] and [`ClassProbe`], for a glob import that adds no name to
/// the user's scope.
pub mod ways {
    pub use super::{Behind as _, Elsewhere as _, InChain as _, Itself as _};
    pub use super::{Classified as _, ClassifiedBySource as _, Unclassified as _};
    pub use super::{Displayed as _, Silent as _};
    pub use super::{Telling as _, Untold as _};
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
    note = "an entry of `on` or `not_on` names the error type of the function, or an error type \
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

/// Asks an error for its text: `Some` where it implements `Display`.
///
/// Neither `Debug` nor `Display` is asked of an error type, so logs print what there is.
///
/// ```
/// use retry_runtime::classify::find;
/// use find::ways::*;
///
/// struct Mute;
///
/// assert_eq!((&&find::error_text(&"refused")).steadfast_text().unwrap().to_string(), "refused");
/// assert!((&&find::error_text(&Mute)).steadfast_text().is_none());
/// ```
#[must_use]
pub const fn error_text<E: ?Sized>(error: &E) -> TextProbe<'_, E> {
    TextProbe { error }
}

/// An error that may have a text; see [`error_text`].
#[derive(Debug)]
pub struct TextProbe<'a, E: ?Sized> {
    error: &'a E,
}

/// The error has a text.
pub trait Displayed<'a> {
    /// The error, to be printed.
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display>;
}

impl<'a, E: std::fmt::Display> Displayed<'a> for &TextProbe<'a, E> {
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display> {
        Some(self.error)
    }
}

/// The error has no text.
pub trait Silent<'a> {
    /// Nothing.
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display>;
}

impl<'a, E: ?Sized> Silent<'a> for TextProbe<'a, E> {
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display> {
        None
    }
}

/// Asks an error what it knows of itself where something else decides: `Some` by its own
/// [`Classify`], else by its chain, `None` for a type that is no error.
///
/// This is where the server's hint comes from under `on` and `when`.
///
/// ```
/// use std::io;
/// use retry_runtime::classify::find;
/// use find::ways::*;
///
/// struct Opaque;
/// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
///
/// assert!((&&&find::own_class(&refused)).steadfast_class().unwrap().is_unsent());
/// assert!((&&&find::own_class(&Opaque)).steadfast_class().is_none());
/// ```
#[must_use]
pub const fn own_class<E: ?Sized>(error: &E) -> ClassProbe<'_, E> {
    ClassProbe { error }
}

/// An error that may know what it is; see [`own_class`].
#[derive(Debug)]
pub struct ClassProbe<'a, E: ?Sized> {
    error: &'a E,
}

/// The error implements [`Classify`].
pub trait Classified {
    /// What the error says of itself.
    fn steadfast_class(&self) -> Option<Classification>;
}

impl<E: Classify + ?Sized> Classified for &&ClassProbe<'_, E> {
    fn steadfast_class(&self) -> Option<Classification> {
        Some(self.error.classify())
    }
}

/// The error has a chain.
pub trait ClassifiedBySource {
    /// What the chain says.
    fn steadfast_class(&self) -> Option<Classification>;
}

impl<E: Error + 'static> ClassifiedBySource for &ClassProbe<'_, E> {
    fn steadfast_class(&self) -> Option<Classification> {
        Some(super::by_source(self.error))
    }
}

/// The error says nothing.
pub trait Unclassified {
    /// Nothing.
    fn steadfast_class(&self) -> Option<Classification>;
}

impl<E: ?Sized> Unclassified for ClassProbe<'_, E> {
    fn steadfast_class(&self) -> Option<Classification> {
        None
    }
}

/// Asks an error whether its type says what it is: `Some` by its own [`Classify`], `None` for every
/// other type. What counts for a circuit breaker without a word of its own.
///
/// ```
/// use retry_runtime::classify::find;
/// use find::ways::*;
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// assert!((&&find::told(&refused)).steadfast_told().unwrap().is_retryable());
/// assert!((&&find::told(&std::fmt::Error)).steadfast_told().is_none());
/// ```
#[must_use]
pub const fn told<E: ?Sized>(error: &E) -> Told<'_, E> {
    Told { error }
}

/// An error that may have a classification; see [`told`].
#[derive(Debug)]
pub struct Told<'a, E: ?Sized> {
    error: &'a E,
}

/// The error implements [`Classify`].
pub trait Telling {
    /// What the error says of itself.
    fn steadfast_told(&self) -> Option<Classification>;
}

impl<E: Classify + ?Sized> Telling for &Told<'_, E> {
    fn steadfast_told(&self) -> Option<Classification> {
        Some(self.error.classify())
    }
}

/// The error does not.
pub trait Untold {
    /// Nothing.
    fn steadfast_told(&self) -> Option<Classification>;
}

impl<E: ?Sized> Untold for Told<'_, E> {
    fn steadfast_told(&self) -> Option<Classification> {
        None
    }
}

/// The own word of a link that is a `T`; the rows of [`classify_as!`](crate::classify_as).
pub fn class_of<T: Error + Classify + 'static>(
    link: &(dyn Error + 'static),
) -> Option<Classification> {
    as_type::<T>(link).map(Classify::classify)
}

/// The word of the first link that one of `rows` knows; otherwise permanent.
pub fn first_class(
    error: &(dyn Error + 'static),
    rows: &[fn(&(dyn Error + 'static)) -> Option<Classification>],
) -> Classification {
    let mut of_wrapper = None;
    for link in links(error) {
        let Some(class) = rows.iter().find_map(|row| row(link)) else { continue };
        // As in `by_source`: what stands inside an `io::Error` says it more exactly.
        if as_type::<io::Error>(link).is_some_and(|error| error.get_ref().is_some()) {
            of_wrapper = of_wrapper.or(Some(class));
        } else {
            return class;
        }
    }
    of_wrapper.unwrap_or(Classification::permanent())
}

#[cfg(test)]
#[allow(clippy::needless_borrow, reason = "the references that generated code writes")]
mod tests {
    use std::error::Error;
    use std::fmt;
    use std::io::{self, ErrorKind};
    use std::sync::Arc;

    use super::ways::*;
    use super::{error_text, own_class, probe};

    #[derive(Debug, PartialEq)]
    enum Api {
        Timeout,
        Http { status: u16 },
        Wrapped(Box<Api>),
    }

    impl fmt::Display for Api {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("api")
        }
    }

    impl Error for Api {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            match self {
                Api::Wrapped(inner) => Some(inner),
                _ => None,
            }
        }
    }

    #[derive(Debug)]
    struct Outer<E>(E);

    impl<E> fmt::Display for Outer<E> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl<E: Error + 'static> Error for Outer<E> {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    macro_rules! found {
        ($err:expr, $ty:ty) => {
            found!($err, $ty, _)
        };
        ($err:expr, $ty:ty, $pattern:pat) => {
            (&&&&probe::<$ty, _>($err)).steadfast_any(|found: &$ty| matches!(found, $pattern))
        };
    }

    #[test]
    fn the_error_itself_is_found() {
        assert!(found!(&Api::Timeout, Api, Api::Timeout));
        assert!(!found!(&Api::Http { status: 404 }, Api, Api::Timeout));
        assert!(found!(&Api::Http { status: 503 }, Api, Api::Http { status: 500..=599 }));
    }

    #[test]
    fn a_type_that_is_no_error_is_found_as_itself() {
        struct Plain(u8);
        assert!(found!(&Plain(3), Plain, Plain(3)));
        assert!(found!(&"text".to_owned(), String));
        assert!(found!(&ErrorKind::TimedOut, ErrorKind, ErrorKind::TimedOut));
        assert!(found!(&Box::new(Plain(3)), Plain, Plain(3)));
        assert!(found!(&Arc::new(Plain(3)), Plain, Plain(3)));
    }

    #[test]
    fn a_wrapped_error_of_the_same_type_is_found() {
        assert!(found!(&Api::Wrapped(Box::new(Api::Timeout)), Api, Api::Timeout));
    }

    #[test]
    fn sources_are_found() {
        assert!(found!(&Outer(Outer(Api::Timeout)), Api, Api::Timeout));
        assert!(!found!(&Outer(Outer(Api::Timeout)), io::Error));
    }

    #[test]
    fn pointers_are_looked_through() {
        assert!(found!(&Box::new(Api::Timeout), Api));
        assert!(found!(&Arc::new(Api::Timeout), Api));
        assert!(found!(&&Api::Timeout, Api));
        assert!(found!(&Outer(Arc::new(Api::Timeout)), Api));
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(Api::Timeout);
        assert!(found!(&shared, Api));
        assert!(found!(&Outer(shared), Api));
        let shared: Arc<dyn Error> = Arc::new(Outer(Api::Timeout));
        assert!(found!(&shared, Api));
        let shared: Arc<dyn Error + Send> = Arc::new(Api::Timeout);
        assert!(found!(&shared, Api));
    }

    #[test]
    fn every_usual_box_is_opened() {
        let error: Box<dyn Error> = Api::Timeout.into();
        assert!(found!(&error, Api));
        assert!(!found!(&error, ErrorKind, ErrorKind::TimedOut));
        let error: Box<dyn Error + Send> = Box::new(Outer(Api::Timeout));
        assert!(found!(&error, Api));
        let error: Box<dyn Error + Send + Sync> = Box::new(Outer(Api::Timeout));
        assert!(found!(&error, Api));
        let error: std::rc::Rc<dyn Error> = std::rc::Rc::new(Outer(Api::Timeout));
        assert!(found!(&error, Api));
    }

    #[test]
    fn inner_errors_of_io_errors_are_found() {
        assert!(found!(&io::Error::other(Api::Timeout), Api));
        assert!(found!(&Outer(Arc::new(io::Error::other(Outer(Api::Timeout)))), Api));
    }

    #[test]
    fn kinds_of_io_errors_are_found() {
        let error = Outer(io::Error::other(io::Error::from(ErrorKind::TimedOut)));
        assert!(found!(&error, ErrorKind, ErrorKind::TimedOut));
        assert!(found!(&error, ErrorKind, ErrorKind::Other));
        assert!(!found!(&error, ErrorKind, ErrorKind::NotFound));
    }

    #[test]
    fn generic_errors_are_searched() {
        fn timeout<E: Error + 'static>(error: &E) -> bool {
            found!(error, Api, Api::Timeout)
        }
        fn own<E: Error + 'static>(error: &E) -> bool {
            found!(error, E)
        }
        assert!(timeout(&Outer(Api::Timeout)));
        assert!(own(&Outer(Api::Timeout)));
    }

    #[test]
    fn a_chain_that_leads_into_itself_ends() {
        #[derive(Debug)]
        struct Ring;
        impl fmt::Display for Ring {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("ring")
            }
        }
        impl Error for Ring {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self)
            }
        }
        assert!(!found!(&Ring, Api));
    }

    #[test]
    fn texts_are_printed_where_there_are_any() {
        struct Mute;
        let boxed: Box<dyn Error> = "boxed".into();
        assert_eq!((&&error_text(&boxed)).steadfast_text().unwrap().to_string(), "boxed");
        assert_eq!((&&error_text(&Api::Timeout)).steadfast_text().unwrap().to_string(), "api");
        assert!((&&error_text(&Mute)).steadfast_text().is_none());
    }

    #[test]
    fn an_error_without_classify_is_asked_by_its_chain() {
        let refused = Outer(io::Error::from(ErrorKind::ConnectionRefused));
        assert!((&&&own_class(&refused)).steadfast_class().unwrap().is_unsent());
        assert!((&&&own_class(&refused.0)).steadfast_class().unwrap().is_unsent());
        assert!((&&&own_class(&0_u8)).steadfast_class().is_none());
    }
}
