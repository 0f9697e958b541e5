//! Which shard of a sharded counter this thread writes to.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Shards of every counter: a power of two, enough that the threads of a usual machine do not meet.
pub(crate) const SHARDS: usize = 16;

const UNASSIGNED: usize = usize::MAX;
/// The thread is being watched by a test scope or a report: no fast path.
const WATCHED: usize = usize::MAX - 1;

thread_local! {
    static SLOT: Cell<usize> = const { Cell::new(UNASSIGNED) };
    static HOME: Cell<usize> = const { Cell::new(UNASSIGNED) };
}

/// The shard of this thread, or a number of at least `SHARDS` where the slow path must be taken.
#[inline]
pub(crate) fn slot() -> usize {
    SLOT.get()
}

/// The shard of this thread, assigned in turn at the first request.
#[cold]
pub(crate) fn home() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if HOME.get() == UNASSIGNED {
        HOME.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
    }
    if SLOT.get() == UNASSIGNED {
        SLOT.set(HOME.get());
    }
    HOME.get()
}

/// The shard of this thread.
#[inline]
#[must_use]
#[allow(dead_code, reason = "for counters without a slow path")]
pub(crate) fn shard() -> usize {
    let slot = SLOT.get();
    if slot < SHARDS { slot } else { home() }
}

/// Test scopes and reports that are entered just now, on any thread.
static WATCHES: AtomicUsize = AtomicUsize::new(0);

/// Whether a test scope or a report may watch this thread: for those that count nothing.
#[inline]
pub(crate) fn anybody_watches() -> bool {
    WATCHES.load(Relaxed) > 0
}

/// Whether a test scope or a report watches this thread.
#[inline]
pub(crate) fn watched() -> bool {
    is_watched(slot())
}

/// The same for who has the [`slot`] at hand.
#[inline]
pub(crate) const fn is_watched(slot: usize) -> bool {
    slot == WATCHED
}

/// Sends this thread's successes down the slow path, until it is dropped.
pub(crate) struct Watch(usize);

impl Watch {
    pub(crate) fn begin() -> Self {
        WATCHES.fetch_add(1, Relaxed);
        Self(SLOT.replace(WATCHED))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHES.fetch_sub(1, Relaxed);
        SLOT.set(self.0);
    }
}
