//! The links of an error chain: an error, what it wraps, what that wraps.
//!
//! [`Error::source`] alone passes over errors that stand in plain sight: `io::Error` forwards to
//! the source of its inner error, and so does every smart pointer. Everything that looks for a
//! type in a chain goes through here, so that all of it sees the same links.

use std::error::Error;
use std::io;
use std::sync::Arc;

/// Links looked at before a chain is given up: longer than any that is built on purpose, and the
/// end of one that leads back into itself.
pub(crate) const MAX_LINKS: usize = 64;

/// Walks from `error` to what it wraps, at most [`MAX_LINKS`] steps.
pub(crate) fn links<'a>(error: &'a (dyn Error + 'static)) -> Links<'a> {
    Links { next: Some(error), left: MAX_LINKS }
}

pub(crate) struct Links<'a> {
    next: Option<&'a (dyn Error + 'static)>,
    left: usize,
}

impl<'a> Iterator for Links<'a> {
    type Item = &'a (dyn Error + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let link = self.next.take()?;
        self.next = hidden(link).or_else(|| link.source());
        Some(link)
    }
}

/// The link as a `T`: itself, or in the pointers that are errors because `T` is one.
pub(crate) fn as_type<'a, T: Error + 'static>(link: &'a (dyn Error + 'static)) -> Option<&'a T> {
    if let Some(found) = link.downcast_ref::<T>() {
        return Some(found);
    }
    if let Some(found) = link.downcast_ref::<Box<T>>() {
        return Some(found);
    }
    if let Some(found) = link.downcast_ref::<Arc<T>>() {
        return Some(found);
    }
    link.downcast_ref::<&'static T>().copied()
}

/// The error directly inside `link` that its `source` passes over.
fn hidden<'a>(link: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = as_type::<io::Error>(link) {
        return error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    // `Arc<dyn Error>` is an error, unlike `Box<dyn Error>`, and forwards to its content's source.
    if let Some(inner) = link.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return Some(&**inner);
    }
    if let Some(inner) = link.downcast_ref::<Arc<dyn Error + Send>>() {
        return Some(&**inner);
    }
    if let Some(inner) = link.downcast_ref::<Arc<dyn Error>>() {
        return Some(&**inner);
    }
    None
}
