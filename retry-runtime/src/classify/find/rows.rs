//! Types that the user names for boxed errors, and where they are looked for: [`classify_as!`].
//!
//! [`classify_as!`]: crate::classify_as

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::ops::DerefMut;
use std::rc::Rc;

use super::{AsError, AsLink};
use crate::classify::chain::{as_type, links};
use crate::classify::{Classification, Classify};

/// One named type: what it says, where it is found.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    link: fn(&(dyn Error + 'static)) -> Option<Classification>,
    #[cfg(feature = "anyhow")]
    context: fn(&::anyhow::Error) -> Option<Classification>,
}

/// Begins to make the row of a type: `(&&row::<T>()).steadfast_row()`.
#[must_use]
pub const fn row<T: Error + Classify + 'static>() -> RowOf<T> {
    RowOf { link: class_of::<T>, named: PhantomData }
}

/// A named type; see [`row`].
#[derive(Debug)]
pub struct RowOf<T> {
    link: fn(&(dyn Error + 'static)) -> Option<Classification>,
    named: PhantomData<fn() -> T>,
}

/// The type can cross threads, so that it may be the context of an `anyhow::Error`.
pub trait Shared {
    /// The row.
    fn steadfast_row(&self) -> Row;
}

impl<T: Error + Classify + Send + Sync + 'static> Shared for &RowOf<T> {
    fn steadfast_row(&self) -> Row {
        Row {
            link: self.link,
            #[cfg(feature = "anyhow")]
            context: class_of_context::<T>,
        }
    }
}

/// The type stays on its thread.
pub trait Local {
    /// The row.
    fn steadfast_row(&self) -> Row;
}

// Without bounds, so that a type that is no error or has no `Classify` is one compile error.
impl<T> Local for RowOf<T> {
    fn steadfast_row(&self) -> Row {
        Row {
            link: self.link,
            #[cfg(feature = "anyhow")]
            context: |_| None,
        }
    }
}

/// The own word of a link that is a `T`.
pub(in crate::classify) fn class_of<T: Error + Classify + 'static>(
    link: &(dyn Error + 'static),
) -> Option<Classification> {
    as_type::<T>(link).map(Classify::classify)
}

/// The own word of a context that is a `T`. The error at the root is found by the same means, but
/// it is a link.
#[cfg(feature = "anyhow")]
fn class_of_context<T: Error + Classify + Send + Sync + 'static>(
    error: &::anyhow::Error,
) -> Option<Classification> {
    let found = error.downcast_ref::<T>()?;
    let mut in_chain = links(&**error).filter_map(as_type::<T>);
    if in_chain.any(|link| std::ptr::eq(link, found)) { None } else { Some(found.classify()) }
}

/// An error that [`classify_as!`](crate::classify_as) can look into. `M` tells the cases apart.
#[diagnostic::on_unimplemented(
    message = "`classify_as!` cannot look into a `{Self}`",
    label = "neither an error nor a pointer to one",
    note = "it takes an error type (`std::error::Error + 'static`), `Box<dyn Error>` in its usual \
            forms, and `anyhow::Error`"
)]
pub trait Searched<M> {
    /// The word of the outermost error in it that one of `rows` knows; otherwise permanent.
    fn search(&self, rows: &[Row]) -> Classification;
}

/// Marks a pointer that owns a `dyn Error`.
#[derive(Debug)]
pub struct Owning(());

/// Marks a `dyn Error` behind a pointer that is no error and cannot lend it out mutably.
#[derive(Debug)]
pub struct Lent(());

/// Everything that is an error, `Arc<dyn Error>` among it.
impl<E: Error + 'static> Searched<AsLink> for E {
    fn search(&self, rows: &[Row]) -> Classification {
        first_class(self, rows)
    }
}

// With `Deref` alone `Arc<dyn Error>` would be two cases at once.
impl<E: DerefMut<Target: AsError> + 'static> Searched<Owning> for E {
    fn search(&self, rows: &[Row]) -> Classification {
        #[cfg(feature = "anyhow")]
        if let Some(error) = (self as &dyn std::any::Any).downcast_ref::<::anyhow::Error>()
            && let Some(class) = rows.iter().find_map(|row| (row.context)(error))
        {
            return class;
        }
        first_class((**self).as_error(), rows)
    }
}

macro_rules! behind {
    ($($error:ty),*) => {$(
        impl Searched<Lent> for $error {
            fn search(&self, rows: &[Row]) -> Classification {
                first_class(self, rows)
            }
        }

        impl Searched<Lent> for Rc<$error> {
            fn search(&self, rows: &[Row]) -> Classification {
                first_class(&**self, rows)
            }
        }
    )*};
}

behind!(dyn Error, dyn Error + Send, dyn Error + Send + Sync);

fn first_class(error: &(dyn Error + 'static), rows: &[Row]) -> Classification {
    let mut of_wrapper = None;
    for link in links(error) {
        let Some(class) = rows.iter().find_map(|row| (row.link)(link)) else { continue };
        // As in `by_source`: what stands inside an `io::Error` says it more exactly.
        if as_type::<io::Error>(link).is_some_and(|error| error.get_ref().is_some()) {
            of_wrapper = of_wrapper.or(Some(class));
        } else {
            return class;
        }
    }
    of_wrapper.unwrap_or(Classification::permanent())
}
