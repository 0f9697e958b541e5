//! What a function returned: a value, or a failure with an error. Decided by type, never by name.

use crate::classify::{Classification, Classify};

/// A return type that can say that it failed: `Result` and `Option`.
#[diagnostic::on_unimplemented(
    message = "nothing tells success from failure in a `{Self}`",
    label = "neither `Result` nor `Option`",
    note = "return a `Result<T, E>` or an `Option<T>`",
    note = "below `#[retry]`, to repeat until a value is right: `when_value = |value| …`; below \
            `#[circuit_breaker]`, to answer for an open circuit: `fallback = function`",
    note = "for a function that returns a future, write `async fn`, or `-> impl Future<Output = …>`"
)]
pub trait Outcome: Sized {
    /// What a success holds.
    type Value;
    /// What a failure holds.
    type Error;

    /// The error of a failure.
    fn error(&self) -> Option<&Self::Error>;
    /// The value of a success.
    fn value(&self) -> Option<&Self::Value>;
    /// A success with this value.
    fn from_value(value: Self::Value) -> Self;
    /// A failure with this error.
    fn from_error(error: Self::Error) -> Self;
    /// The error of a failure, taken out.
    fn into_error(self) -> Option<Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Value = T;
    type Error = E;

    #[inline]
    fn error(&self) -> Option<&E> {
        self.as_ref().err()
    }

    #[inline]
    fn value(&self) -> Option<&T> {
        self.as_ref().ok()
    }

    fn from_value(value: T) -> Self {
        Ok(value)
    }

    fn from_error(error: E) -> Self {
        Err(error)
    }

    fn into_error(self) -> Option<E> {
        self.err()
    }
}

/// The error of an `Option`: there is nothing. It is retryable, since a function that returns
/// `None` for good has no use for `#[retry]`.
///
/// ```
/// use retry_runtime::{Absent, Classify};
/// assert!(Absent.classify().is_retryable());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absent;

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was returned")
    }
}

impl std::error::Error for Absent {}

impl Classify for Absent {
    fn classify(&self) -> Classification {
        Classification::retryable()
    }
}

impl From<crate::AttemptTimeout> for Absent {
    fn from(_: crate::AttemptTimeout) -> Self {
        Self
    }
}

impl From<crate::CircuitOpen> for Absent {
    fn from(_: crate::CircuitOpen) -> Self {
        Self
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;
    type Error = Absent;

    #[inline]
    fn error(&self) -> Option<&Absent> {
        if self.is_none() { Some(&Absent) } else { None }
    }

    #[inline]
    fn value(&self) -> Option<&T> {
        self.as_ref()
    }

    fn from_value(value: T) -> Self {
        Some(value)
    }

    fn from_error(_: Absent) -> Self {
        None
    }

    fn into_error(self) -> Option<Absent> {
        if self.is_none() { Some(Absent) } else { None }
    }
}

/// Calls a closure. It is a function so that the closure is `FnOnce`, whatever its body does.
#[inline]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Runs what follows a failure out of the way of success.
#[cold]
#[inline(never)]
pub fn cold<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// How generated code writes the body of an attempt, under a name that says what is wrong if borrow
/// checking refuses it.
///
/// No attribute can put words into rustc's E0382 and E0524, which it reports on this closure or
/// block; but it names the macro that the tokens come from. The name is the message.
#[doc(hidden)]
#[macro_export]
macro_rules! __attempt {
    (|| { $($body:tt)* }) => {
        || { $($body)* }
    };
    (|| -> [$($output:tt)*] { $($body:tt)* }) => {
        || -> $($output)* { $($body)* }
    };
    (async { $($body:tt)* }) => {
        async { $($body)* }
    };
}

/// An argument that is `mut` and begins every attempt as it was given.
#[diagnostic::on_unimplemented(
    message = "a `mut` argument begins every attempt afresh, and a `{Self}` can be moved only once",
    label = "not `Copy`",
    note = "name the argument in the attribute, so that every attempt gets a clone: \
            `#[retry(clone(argument))]`",
    note = "or take it without `mut` and borrow it in the body"
)]
pub trait Fresh: Copy {}

#[diagnostic::do_not_recommend]
impl<T: Copy> Fresh for T {}

/// The argument for one attempt.
#[inline]
pub fn fresh<T: Fresh>(argument: T) -> T {
    argument
}

/// Never called: its type is how an async block learns what it returns.
///
/// # Panics
///
/// Always.
#[must_use]
pub fn expect_type<T>() -> T {
    unreachable!("`expect_type` is never run")
}

/// Fixes the type of a hook, so that a closure learns what it is given.
#[inline]
pub fn choose<T: ?Sized, R>(choice: impl FnOnce(&T) -> R, value: &T) -> R {
    choice(value)
}

/// How generated code looks at a value that may be neither `Result` nor `Option`.
pub mod shape {
    use std::convert::Infallible;

    use super::Outcome;

    /// A returned value; see [`of`].
    #[derive(Debug)]
    pub struct Shape<'a, T>(&'a T);

    /// Begins to ask what a returned value is: `(&&of(&value)).steadfast_error()`.
    #[inline]
    pub const fn of<T>(value: &T) -> Shape<'_, T> {
        Shape(value)
    }

    /// A `Result` or an `Option`.
    pub trait Fallible {
        /// What a success holds.
        type Value;
        /// What a failure holds.
        type Error;
        /// The error of a failure.
        fn steadfast_error(&self) -> Option<&Self::Error>;
        /// The value of a success.
        fn steadfast_value(&self) -> Option<&Self::Value>;
    }

    impl<T: Outcome> Fallible for &Shape<'_, T> {
        type Value = T::Value;
        type Error = T::Error;

        #[inline]
        fn steadfast_error(&self) -> Option<&T::Error> {
            self.0.error()
        }

        #[inline]
        fn steadfast_value(&self) -> Option<&T::Value> {
            self.0.value()
        }
    }

    /// Any other type: a value that never fails.
    pub trait Plain {
        /// The type itself.
        type Value;
        /// No error, ever.
        fn steadfast_error(&self) -> Option<&Infallible>;
        /// The value.
        fn steadfast_value(&self) -> Option<&Self::Value>;
    }

    impl<T> Plain for Shape<'_, T> {
        type Value = T;

        #[inline]
        fn steadfast_error(&self) -> Option<&Infallible> {
            None
        }

        #[inline]
        fn steadfast_value(&self) -> Option<&T> {
            Some(self.0)
        }
    }
}

/// The classification where `on` or `when` decides: what the error knows of itself (kind, hint) is
/// kept if it agrees.
#[inline]
pub fn decided(retry: bool, own: impl FnOnce() -> Option<Classification>) -> Classification {
    if !retry {
        return Classification::permanent();
    }
    match own() {
        Some(class) if class.is_retryable() => class,
        _ => Classification::retryable(),
    }
}

/// An error type that a cut attempt can become.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for an attempt that was cut off",
    label = "no `From<AttemptTimeout>` for this error",
    note = "write `impl From<steadfast::AttemptTimeout> for {Self}`, or for a type of another crate \
            `map_timeout = |timeout| …`"
)]
pub trait TimedOut: Sized {
    /// The error.
    fn timed_out(timeout: crate::AttemptTimeout) -> Self;
}

impl<E: From<crate::AttemptTimeout>> TimedOut for E {
    fn timed_out(timeout: crate::AttemptTimeout) -> Self {
        Self::from(timeout)
    }
}

/// Applies `map_timeout`.
#[inline]
pub fn timed_out<R: Outcome>(
    map: impl FnOnce(crate::AttemptTimeout) -> R::Error,
    timeout: crate::AttemptTimeout,
) -> R::Error {
    map(timeout)
}

/// An error type that a rejected call can become.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for a call that the circuit did not let through",
    label = "no `From<CircuitOpen>` for this error",
    note = "write `impl From<steadfast::CircuitOpen> for {Self}`, or for a type of another crate \
            `map_open = |open| …`",
    note = "or answer such calls: `fallback = function`"
)]
pub trait Opened: Sized {
    /// The error.
    fn opened(open: crate::CircuitOpen) -> Self;
}

impl<E: From<crate::CircuitOpen>> Opened for E {
    fn opened(open: crate::CircuitOpen) -> Self {
        Self::from(open)
    }
}

/// Applies `map_open`.
#[inline]
pub fn opened<R: Outcome>(
    map: impl FnOnce(crate::CircuitOpen) -> R::Error,
    open: crate::CircuitOpen,
) -> R::Error {
    map(open)
}

/// An error type that a call without an answer of its own can become.
#[cfg(feature = "idempotent")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for an idempotent call that has no answer",
    label = "no `From<IdempotencyError>` for this error",
    note = "write `impl From<steadfast::idempotency::IdempotencyError> for {Self}`, or for a type of \
            another crate `map_error = |error| …`"
)]
pub trait Unclaimed: Sized {
    /// The error.
    fn unclaimed(error: crate::idempotency::IdempotencyError) -> Self;
}

#[cfg(feature = "idempotent")]
impl<E: From<crate::idempotency::IdempotencyError>> Unclaimed for E {
    fn unclaimed(error: crate::idempotency::IdempotencyError) -> Self {
        Self::from(error)
    }
}

/// Applies `map_error`.
#[cfg(feature = "idempotent")]
#[inline]
pub fn unclaimed<R: Outcome>(
    map: impl FnOnce(crate::idempotency::IdempotencyError) -> R::Error,
    error: crate::idempotency::IdempotencyError,
) -> R::Error {
    map(error)
}

/// Calls `on_retry`.
#[inline]
pub fn hook(hook: impl FnOnce(&crate::RetryEvent<'_>), event: &crate::RetryEvent<'_>) {
    hook(event);
}

/// Whether an error type can stand for a cut attempt, for a policy that may cut: the inherent items
/// apply where it can, those of [`Uncut`] elsewhere.
#[derive(Debug)]
pub struct Cuts<E>(std::marker::PhantomData<E>);

impl<E: From<crate::AttemptTimeout>> Cuts<E> {
    /// It can.
    pub const POSSIBLE: bool = true;

    /// The error.
    #[must_use]
    pub fn error(timeout: crate::AttemptTimeout) -> E {
        E::from(timeout)
    }
}

/// For error types that cannot stand for a cut attempt.
pub trait Uncut<E> {
    /// It cannot.
    const POSSIBLE: bool = false;

    /// Never called: a policy that cuts was refused at compile time.
    ///
    /// # Panics
    ///
    /// Always.
    #[must_use]
    fn error(_: crate::AttemptTimeout) -> E {
        unreachable!("a policy that cuts attempts was refused")
    }
}

impl<E> Uncut<E> for Cuts<E> {}
