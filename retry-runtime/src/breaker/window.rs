//! Windows of results: the last N calls, or those of the last while.
//!
//! Both are sharded by thread. Driven by one thread they equal a naive list of results. Nothing is
//! ever cleared: entries carry the generation that they belong to, and count for no other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::settings::Span;
use crate::shard::{SHARDS, shard};

const FAILED: u64 = 1;
const SLOW: u64 = 2;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
}

impl Counts {
    pub(super) fn failure_rate(&self) -> f64 {
        self.failed as f64 / self.calls as f64
    }

    pub(super) fn slow_rate(&self) -> f64 {
        self.slow as f64 / self.calls as f64
    }
}

/// Two cache lines of its own, as they are fetched in pairs: threads do not slow each other down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one a breaker, in a box of its own size")]
pub(super) enum Window {
    Calls(CallWindow),
    Time(TimeWindow),
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        match span {
            Span::Calls(calls) => Self::Calls(CallWindow::new(calls)),
            Span::Nanos(nanos) => Self::Time(TimeWindow::new(nanos)),
        }
    }

    #[inline]
    pub(super) fn record(&self, generation: u64, now: u64, failed: bool, slow: bool) {
        match self {
            Self::Calls(window) => window.record(generation, failed, slow),
            Self::Time(window) => window.record(generation, now, failed, slow),
        }
    }

    pub(super) fn counts(&self, generation: u64, now: u64) -> Counts {
        match self {
            Self::Calls(window) => window.counts(generation),
            Self::Time(window) => window.counts(generation, now),
        }
    }
}

/// The last N calls: a ring that threads take in blocks.
///
/// A thread takes a few neighbouring places at once and fills them one by one, so the shared head
/// moves once a block. A place that already says the same is not written: while everything is well,
/// threads only write to a line of their own. With several threads the window is the last N calls
/// to within a block for each thread.
#[derive(Debug)]
pub(super) struct CallWindow {
    head: AtomicU64,
    /// Of each shard: first place of its block << 16 | places used.
    cursors: [Line<AtomicU64>; SHARDS],
    /// generation << 3 | filled << 2 | slow << 1 | failed; 0 is empty.
    places: Box<[AtomicU64]>,
    block: u64,
}

const FILLED: u64 = 4;
const USED: u64 = 0xFFFF;

impl CallWindow {
    fn new(calls: u32) -> Self {
        let block = u64::from(calls / 8).clamp(1, 64);
        Self {
            head: AtomicU64::new(0),
            cursors: std::array::from_fn(|_| Line(AtomicU64::new(block))),
            places: (0..calls).map(|_| AtomicU64::new(0)).collect(),
            block,
        }
    }

    #[inline]
    fn record(&self, generation: u64, failed: bool, slow: bool) {
        let entry = (generation << 3) | FILLED | (u64::from(slow) * SLOW) | u64::from(failed);
        let cursor = self.cursors[shard() % SHARDS].0.fetch_add(1, Relaxed);
        let index = if cursor & USED < self.block {
            (cursor >> 16) + (cursor & USED)
        } else {
            self.next_block()
        };
        // A block may reach over the end of the ring, never twice around it.
        let len = self.places.len() as u64;
        let index = if index < len { index } else { index - len };
        let Some(place) = usize::try_from(index).ok().and_then(|index| self.places.get(index))
        else {
            return;
        };
        if place.load(Relaxed) != entry {
            Self::write(place, generation, entry);
        }
    }

    #[cold]
    #[inline(never)]
    fn next_block(&self) -> u64 {
        let start = self.head.fetch_add(self.block, Relaxed) % self.places.len() as u64;
        // Two threads of one shard may both come here; the places of one block then keep what
        // they held.
        self.cursors[shard() % SHARDS].0.store((start << 16) | 1, Relaxed);
        start
    }

    #[cold]
    #[inline(never)]
    fn write(place: &AtomicU64, generation: u64, entry: u64) {
        // An entry of a later generation is never overwritten by a result that comes late.
        let _ = place.fetch_update(Relaxed, Relaxed, |old| {
            (old == 0 || old >> 3 <= generation).then_some(entry)
        });
    }

    fn counts(&self, generation: u64) -> Counts {
        let mut counts = Counts::default();
        for place in &self.places {
            let entry = place.load(Relaxed);
            if entry & FILLED != 0 && entry >> 3 == generation {
                counts.calls += 1;
                counts.failed += entry & FAILED;
                counts.slow += (entry & SLOW) / SLOW;
            }
        }
        counts
    }
}

/// The window is cut into this many slices, aligned to the clock: the current one and those before.
pub(super) const SLICES: u64 = 10;
/// Slices that a shard keeps; a power of two above `SLICES`.
const KEPT: usize = 16;

/// The calls of the last while, in slices of a tenth of it.
#[derive(Debug)]
pub(super) struct TimeWindow {
    slice: u64,
    shards: Box<[Line<[Slice; KEPT]>; SHARDS]>,
}

/// The results of one shard in one slice.
///
/// Two words that change in turn: a new slice first empties `counts` under its own mark, then puts
/// its stamp up. Writers change `counts` by compare-and-set after they saw both, so that a result
/// which comes late meets another mark and is dropped. Only two threads of one shard that open a
/// slice in the same instant can lose one of their two results.
#[derive(Debug, Default)]
struct Slice {
    /// generation << 40 | number of the slice.
    stamp: AtomicU64,
    /// mark 10 | calls 18 | failed 18 | slow 18.
    counts: AtomicU64,
}

const NUMBER_BITS: u32 = 40;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;
const FIELD: u32 = 18;
const FIELD_MASK: u64 = (1 << FIELD) - 1;
const MARK_SHIFT: u32 = 3 * FIELD;

impl TimeWindow {
    fn new(nanos: u64) -> Self {
        Self { slice: (nanos / SLICES).max(1), shards: Box::default() }
    }

    /// Number 0 is what an empty slice says, so the clock starts in slice 1.
    #[inline]
    fn stamp(&self, generation: u64, now: u64) -> u64 {
        (generation << NUMBER_BITS) | ((now / self.slice + 1) & NUMBER_MASK)
    }

    #[inline]
    fn record(&self, generation: u64, now: u64, failed: bool, slow: bool) {
        let stamp = self.stamp(generation, now);
        #[expect(clippy::cast_possible_truncation, reason = "four bits are looked at")]
        let slice = &self.shards[shard() % SHARDS].0[stamp as usize % KEPT];
        let add = (1 << (2 * FIELD)) | (u64::from(failed) << FIELD) | u64::from(slow);
        let counts = slice.counts.load(Relaxed);
        // The mark of a slice follows from its stamp, so equal stamps mean an equal mark, unless
        // somebody is just opening a new slice.
        if slice.stamp.load(Relaxed) != stamp
            || counts >> MARK_SHIFT != mark(stamp)
            || counts >> (2 * FIELD) & FIELD_MASK == FIELD_MASK
            || slice.counts.compare_exchange(counts, counts + add, Relaxed, Relaxed).is_err()
        {
            slice.record_slowly(stamp, add);
        }
    }

    fn counts(&self, generation: u64, now: u64) -> Counts {
        let generation = self.stamp(generation, 0) >> NUMBER_BITS;
        let mut current = self.stamp(0, now);
        let slices = || self.shards.iter().flat_map(|shard| &shard.0);
        // A clock that went back still sees what was recorded: the newest slice is the present.
        for slice in slices() {
            let stamp = slice.stamp.load(Relaxed);
            if stamp != 0 && stamp >> NUMBER_BITS == generation {
                current = current.max(stamp & NUMBER_MASK);
            }
        }
        let mut sum = Counts::default();
        for slice in slices() {
            let counts = slice.counts.load(Relaxed);
            let stamp = slice.stamp.load(Relaxed);
            if stamp != 0
                && stamp >> NUMBER_BITS == generation
                && counts >> MARK_SHIFT == mark(stamp)
                && current - (stamp & NUMBER_MASK) < SLICES
            {
                sum.calls += counts >> (2 * FIELD) & FIELD_MASK;
                sum.failed += counts >> FIELD & FIELD_MASK;
                sum.slow += counts & FIELD_MASK;
            }
        }
        sum
    }
}

impl Slice {
    #[cold]
    #[inline(never)]
    fn record_slowly(&self, stamp: u64, add: u64) {
        loop {
            let counts = self.counts.load(Relaxed);
            let shown = self.stamp.load(Relaxed);
            let fresh = (mark(stamp) << MARK_SHIFT) | add;
            if shown == stamp && counts >> MARK_SHIFT == mark(stamp) {
                let full = counts >> (2 * FIELD) & FIELD_MASK == FIELD_MASK;
                let kept = if full { halved(counts) } else { counts };
                if self.counts.compare_exchange(counts, kept + add, Relaxed, Relaxed).is_ok() {
                    return;
                }
            } else if shown != 0 && shown.wrapping_sub(stamp).cast_signed() > 0 {
                // The place belongs to a later slice: this one has left the window.
                return;
            } else if self.counts.compare_exchange(counts, fresh, Relaxed, Relaxed).is_ok() {
                let _ = self.stamp.compare_exchange(shown, stamp, Relaxed, Relaxed);
                return;
            }
        }
    }
}

/// Ten bits that differ between neighbours in one place of the ring and between generations.
#[inline]
const fn mark(stamp: u64) -> u64 {
    ((stamp / KEPT as u64) ^ (stamp >> NUMBER_BITS)) & 0x3FF
}

/// Beyond 262,143 calls a slice and thread all three are halved: the shares stay.
const fn halved(counts: u64) -> u64 {
    let calls = counts >> (2 * FIELD) & FIELD_MASK;
    let failed = counts >> FIELD & FIELD_MASK;
    let slow = counts & FIELD_MASK;
    let mark = counts >> MARK_SHIFT;
    (mark << MARK_SHIFT) | ((calls / 2) << (2 * FIELD)) | ((failed / 2) << FIELD) | (slow / 2)
}

#[cfg(all(test, not(loom)))]
#[path = "window_tests.rs"]
mod tests;
