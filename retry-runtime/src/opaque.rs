//! A reference to a static whose type the compiler does not look into.
//!
//! Every static has to be `Sync`, and rustc asks that anew of each field of each field for every
//! annotated function. A trait object answers at once: it was asked where it was made.

use std::fmt;
use std::ops::Deref;

pub(crate) struct Opaque<T: 'static>(&'static (dyn Holds<T> + Sync));

trait Holds<T> {
    fn held(&self) -> &T;
}

impl<T> Holds<T> for T {
    fn held(&self) -> &T {
        self
    }
}

impl<T: Sync> Opaque<T> {
    pub(crate) const fn new(value: &'static T) -> Self {
        Self(value)
    }
}

impl<T> Opaque<T> {
    pub(crate) fn get(self) -> &'static T {
        self.0.held()
    }
}

impl<T> Deref for Opaque<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.held()
    }
}

impl<T> Clone for Opaque<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Opaque<T> {}

impl<T: fmt::Debug> fmt::Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
