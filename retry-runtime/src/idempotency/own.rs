//! The keys whose bodies this thread is in. Held over a poll, so that what suspends with a body does
//! not stay on the thread.

use std::cell::RefCell;

use super::flight::Place;

thread_local! {
    static INSIDE: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Inside the body of a key, until it is dropped.
pub(super) struct Inside(());

pub(super) fn enter(place: &Place) -> Inside {
    INSIDE.with_borrow_mut(|inside| inside.push(place.clone()));
    Inside(())
}

/// Whether a body of this key is running around the caller: it would wait for itself.
pub(super) fn is_inside(place: &Place) -> bool {
    INSIDE.with_borrow(|inside| inside.contains(place))
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(Vec::pop);
    }
}
