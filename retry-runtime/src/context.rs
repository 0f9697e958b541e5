//! What an attempt tells the calls below it, for as long as its body runs on this thread: an outer
//! retry is under way until some moment, and a deadline.
//!
//! A thread-local value, swapped in for the length of a poll or of a synchronous attempt. First
//! attempts of functions without a deadline do not touch it.

use std::cell::Cell;

use crate::defaults;
use crate::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambient {
    /// Inner retries are suppressed before this moment; `ZERO` for never, `MAX` for an outer attempt
    /// whose beginning nobody has asked for yet.
    pub(crate) suppressed_until: Timestamp,
    /// Nothing below may begin at or after this moment.
    pub(crate) deadline: Timestamp,
    /// The number of the attempt that suppresses; 1 where none does.
    pub(crate) attempt: u32,
}

impl Ambient {
    pub(crate) const NOTHING: Self =
        Self { suppressed_until: Timestamp::ZERO, deadline: Timestamp::MAX, attempt: 1 };
}

thread_local! {
    static AMBIENT: Cell<Ambient> = const { Cell::new(Ambient::NOTHING) };
}

#[inline]
pub(crate) fn current() -> Ambient {
    AMBIENT.get()
}

/// Makes `ambient` current and returns what was.
pub(crate) fn replace(ambient: Ambient) -> Ambient {
    AMBIENT.replace(ambient)
}

/// Until when `ambient` suppresses inner retries. An outer attempt that began without reading the
/// clock is taken to begin now, where the first call below it asks; whoever polls it keeps that.
pub(crate) fn stamped(ambient: Ambient, now: Timestamp) -> Timestamp {
    if ambient.suppressed_until != Timestamp::MAX {
        return ambient.suppressed_until;
    }
    let suppressed_until = now.saturating_add(defaults::MAX_DELAY);
    AMBIENT.set(Ambient { suppressed_until, ..ambient });
    suppressed_until
}

/// Restores, on leaving the scope by whatever way, what was current before; `None` for nothing.
#[derive(Debug)]
pub(crate) struct Entered(Option<Ambient>);

pub(crate) fn enter(ambient: Ambient) -> Entered {
    Entered(Some(replace(ambient)))
}

/// Makes an attempt that begins now, after a retry at once, current: [`enter`] for where nothing
/// surrounds the call. [`leave_at_once`] ends it, or [`Entered::OVER_NOTHING`] when it is dropped.
#[inline]
pub(crate) fn mark_at_once(attempt: u32) {
    AMBIENT.set(Ambient { suppressed_until: Timestamp::MAX, attempt, ..Ambient::NOTHING });
}

#[inline]
pub(crate) fn leave_at_once() {
    AMBIENT.set(Ambient::NOTHING);
}

impl Entered {
    pub(crate) const OVER_NOTHING: Self = Self(None);

    #[inline]
    pub(crate) const fn is_over_nothing(&self) -> bool {
        self.0.is_none()
    }
}

impl Drop for Entered {
    // Emitted in every function, for a body that panics.
    #[inline(never)]
    fn drop(&mut self) {
        let Some(mut outer) = self.0 else { return leave_at_once() };
        if outer.suppressed_until == Timestamp::MAX {
            // A stamp set below holds for the attempt around, too.
            outer.suppressed_until = AMBIENT.get().suppressed_until;
        }
        AMBIENT.set(outer);
    }
}
