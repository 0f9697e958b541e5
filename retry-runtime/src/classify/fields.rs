//! What `#[derive(Classify)]` reads from the fields of a variant.

use std::time::Duration;

use super::{Classification, Classify, status};

/// A field that `transparent` asks.
#[diagnostic::on_unimplemented(
    message = "`transparent` asks the error inside, and `{Self}` does not implement `Classify`",
    label = "no `Classify` for this error",
    note = "if the error is yours: add `#[derive(steadfast::Classify)]` to it",
    note = "otherwise decide in code: `#[classify(with = function)]`, with a function that takes \
            the fields by reference and returns a `Classification`"
)]
pub trait InnerField {
    /// What the error inside says.
    fn class(&self) -> Classification;
}

#[diagnostic::do_not_recommend]
impl<E: Classify + ?Sized> InnerField for E {
    fn class(&self) -> Classification {
        self.classify()
    }
}

/// A field that `after = field` names.
#[diagnostic::on_unimplemented(
    message = "`after` needs a field of type `Duration` or `Option<Duration>`, found `{Self}`",
    label = "not a `Duration`"
)]
pub trait HintField {
    /// The hint in the field, where there is one.
    fn hint(&self) -> Option<Duration>;
}

impl HintField for Duration {
    fn hint(&self) -> Option<Duration> {
        Some(*self)
    }
}

impl HintField for Option<Duration> {
    fn hint(&self) -> Option<Duration> {
        *self
    }
}

/// A field that `status = field` names.
#[diagnostic::on_unimplemented(
    message = "`status` needs a field of type `u16` or `http::StatusCode`, found `{Self}`",
    label = "not an HTTP status",
    note = "`http::StatusCode` needs the feature `http` of `steadfast`"
)]
pub trait StatusField {
    /// What the status in the field says.
    fn class(&self) -> Classification;
}

impl StatusField for u16 {
    fn class(&self) -> Classification {
        status(*self)
    }
}

#[cfg(feature = "http")]
impl StatusField for ::http::StatusCode {
    fn class(&self) -> Classification {
        status(self.as_u16())
    }
}
