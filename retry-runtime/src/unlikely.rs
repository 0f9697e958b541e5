//! A word to the compiler about branches that are seldom taken.
//!
//! `#[cold]` on a function says it, too, but has the function itself compiled for size. What follows a
//! failure is seldom run and yet has to be fast then: a service that is down makes it the usual case.

/// Called first in a branch that is seldom taken.
#[cold]
#[inline(always)]
pub(crate) const fn unlikely() {}
