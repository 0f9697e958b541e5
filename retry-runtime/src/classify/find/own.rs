//! What an error knows of itself where something else decides, and its text, of any type at all.

use std::error::Error;
use std::marker::PhantomData;

use crate::classify::by_source::by_content;
use crate::classify::{Classification, Classify};
use crate::outcome::Outcome;

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
pub trait Textless<'a> {
    /// Nothing.
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display>;
}

impl<'a, E: ?Sized> Textless<'a> for TextProbe<'a, E> {
    fn steadfast_text(&self) -> Option<&'a dyn std::fmt::Display> {
        None
    }
}

/// Asks for the function that finds the text of such an outcome's error.
///
/// A method of its own where there is a text, else the one of what it derefs to: that is less for the
/// compiler to look for than the traits which ask everything else, and no import.
///
/// ```
/// use retry_runtime::classify::find::text_of;
///
/// struct Mute;
///
/// let text = text_of(&Err::<(), _>("refused")).steadfast_text_fn();
/// assert_eq!(text(&"refused").unwrap().to_string(), "refused");
/// let none = text_of(&Err::<(), _>(Mute)).steadfast_text_fn();
/// assert!(none(&Mute).is_none());
/// ```
#[must_use]
pub const fn text_of<T: Outcome>(_: &T) -> TextOf<T::Error> {
    TextOf(Silent(PhantomData))
}

/// Finds the text of an error.
pub type TextFn<E> = fn(&E) -> Option<&dyn std::fmt::Display>;

/// A type of errors that may have a text; see [`text_of`].
#[derive(Debug)]
pub struct TextOf<E>(Silent<E>);

/// A type of errors that have none.
#[derive(Debug)]
pub struct Silent<E>(PhantomData<fn(E)>);

impl<E: std::fmt::Display> TextOf<E> {
    /// The error, to be printed.
    #[must_use]
    pub fn steadfast_text_fn(&self) -> TextFn<E> {
        |error| Some(error)
    }
}

impl<E> std::ops::Deref for TextOf<E> {
    type Target = Silent<E>;

    fn deref(&self) -> &Silent<E> {
        &self.0
    }
}

impl<E> Silent<E> {
    /// Nothing.
    #[must_use]
    pub fn steadfast_text_fn(&self) -> TextFn<E> {
        |_| None
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

/// The error has a chain. It may borrow: an error of a known type, which has to be looked at itself,
/// is one of the way before this.
pub trait ClassifiedBySource {
    /// What the chain says.
    fn steadfast_class(&self) -> Option<Classification>;
}

impl<E: Error> ClassifiedBySource for &ClassProbe<'_, E> {
    fn steadfast_class(&self) -> Option<Classification> {
        Some(by_content(self.error))
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
