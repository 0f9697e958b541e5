//! The keys whose bodies this thread is in. Held over a poll, so that what suspends with a body does
//! not stay on the thread.

use std::cell::RefCell;
use std::time::Duration;

use super::call::Call;
use super::flight::Place;
use super::store::Claim;

thread_local! {
    static INSIDE: RefCell<Vec<Running>> = const { RefCell::new(Vec::new()) };
}

/// A body that is running.
#[derive(Clone)]
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "for a store with transactions"))]
pub(super) struct Running {
    pub(super) place: Place,
    /// `None` where the store could not be asked.
    pub(super) claim: Option<Claim>,
    pub(super) ttl: Duration,
    pub(super) version: u32,
}

/// Inside the body of a key, until it is dropped.
pub(super) struct Inside(());

pub(super) fn enter(call: &Call<'_>, claim: Option<Claim>) -> Inside {
    let running = Running {
        place: call.place.clone(),
        claim,
        ttl: call.spec.ttl,
        version: call.spec.version,
    };
    INSIDE.with_borrow_mut(|inside| inside.push(running));
    Inside(())
}

/// The innermost body around the caller that was claimed in the store of this name and identity.
#[cfg(feature = "postgres")]
pub(super) fn running_in(identity: usize, name: &str) -> Option<Running> {
    let is_it = |running: &&Running| running.place.0 == identity && running.place.1 == name;
    INSIDE.with_borrow(|inside| inside.iter().rev().find(is_it).cloned())
}

/// Whether a body of this key is running around the caller: it would wait for itself.
pub(super) fn is_inside(place: &Place) -> bool {
    INSIDE.with_borrow(|inside| inside.iter().any(|running| running.place == *place))
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(Vec::pop);
    }
}
