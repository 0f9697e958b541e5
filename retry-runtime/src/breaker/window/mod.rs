//! Windows of results: the last N calls, or those of the last while.
//!
//! A success is the usual result, so it is only counted, in a line of the thread's own. Everything
//! else is written to a [ring] under a short lock, behind the successes that came before it. The
//! order is the one in which results were told: driven by one thread a window equals a naive list of
//! them, and with many it differs by no more than what races anyhow.
//!
//! A line of a window of calls stops counting at the window's length, since nothing but successes is
//! left in it then: while everything is well, such a window is only read.
//!
//! Nothing is cleared when a period ends. Counts carry the generation that they belong to, and
//! count for no other.

mod ring;
#[cfg(all(test, not(loom)))]
mod tests;

use std::sync::PoisonError;
use std::sync::atomic::AtomicU64 as Statistic;

use self::ring::Ring;
use super::settings::Span;
use super::sync::{
    AtomicU64, Mutex, MutexGuard,
    Ordering::{AcqRel, Relaxed},
};
use super::word::Tag;
use crate::shard;

pub(super) use self::ring::{Counts, SLICES};

/// Loom explores every line that a failure looks at, and all its threads share one anyhow.
const LINES: usize = if cfg!(loom) { 1 } else { shard::SHARDS };

/// What a line counts at most: the bits of a tag below the generation.
const MOST: u64 = Tag::ROOM - 1;

/// How long the window is.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// The length of a slice of time; `u64::MAX` where calls are counted.
    slice: u64,
    /// The length in calls; 0 where time is.
    calls: u64,
    /// What a line counts up to.
    most: u64,
}

#[derive(Debug)]
pub(super) struct Window {
    shape: Shape,
    lines: [Line; LINES],
    ring: Mutex<Ring>,
}

/// What the threads of one shard write to. Two cache lines of its own, as they are fetched in pairs:
/// threads do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Line {
    /// The last moment of the slice that is being counted; nothing in a window of calls.
    last: AtomicU64,
    /// The tag of the period, plus the successes in it that the ring does not know yet.
    count: AtomicU64,
    /// Calls turned away. Not explored by loom: a statistic that decides nothing.
    rejected: Statistic,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

macro_rules! constructors {
    ($lines:expr, $($constness:tt)?) => {
        pub(super) $($constness)? fn new() -> Self {
            Self { shape: Shape::of(Span::Calls(1)), lines: $lines, ring: Mutex::new(Ring::new()) }
        }
    };
}

impl Line {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Self { last: AtomicU64::new(0), count: AtomicU64::new(0), rejected: Statistic::new(0) }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self { last: AtomicU64::new(0), count: AtomicU64::new(0), rejected: Statistic::new(0) }
    }
}

impl Line {
    /// One more success of a period in a slice; `false` where it has no room or is of another one.
    #[inline]
    fn add_one(&self, tag: Tag) -> bool {
        let count = self.count.load(Relaxed);
        tag.behind(count) < MOST && self.add(count)
    }

    #[inline]
    fn add(&self, count: u64) -> bool {
        self.count.compare_exchange(count, count + 1, Relaxed, Relaxed).is_ok()
    }

    #[inline]
    pub(super) fn count_rejected(&self) {
        self.rejected.fetch_add(1, Relaxed);
    }
}

impl Shape {
    const fn of(span: Span) -> Self {
        match span {
            Span::Calls(calls) => {
                let calls = calls as u64;
                Self { slice: u64::MAX, calls, most: calls }
            }
            Span::Nanos(nanos) => {
                let slice = if nanos < SLICES { 1 } else { nanos / SLICES };
                Self { slice, calls: 0, most: MOST }
            }
        }
    }
}

impl Window {
    #[cfg(not(loom))]
    constructors!([const { Line::new() }; LINES], const);
    #[cfg(loom)]
    constructors!([Line::new()],);

    pub(super) const fn set_span(&mut self, span: Span) {
        self.shape = Shape::of(span);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A success that was not slow, of a closed breaker without failures in a row, in a window of
    /// calls.
    #[inline]
    pub(super) fn count(&self, tag: Tag, slot: usize) {
        let line = self.line(slot);
        let count = line.count.load(Relaxed);
        let unknown = tag.behind(count);
        if unknown == self.shape.most || (unknown < self.shape.most && line.add(count)) {
            return;
        }
        self.succeeded_slowly(tag, 0);
    }

    /// The same in a window of time, at any moment.
    #[inline]
    pub(super) fn count_at(&self, tag: Tag, slot: usize, now: u64) {
        let line = self.line(slot);
        if line.last.load(Relaxed).wrapping_sub(now) >= self.shape.slice || !line.add_one(tag) {
            self.succeeded_slowly(tag, now);
        }
    }

    /// The same at the present, by a clock that may be a tick late: a slice that its line has met has
    /// begun, whatever that clock says.
    #[inline]
    pub(super) fn count_now(&self, tag: Tag, slot: usize, now: impl FnOnce() -> u64) {
        let line = self.line(slot);
        let now = now();
        if now > line.last.load(Relaxed) || !line.add_one(tag) {
            self.succeeded_slowly(tag, now);
        }
    }

    /// The line of a slot.
    #[inline]
    pub(super) const fn line(&self, slot: usize) -> &Line {
        &self.lines[slot % LINES]
    }

    #[cold]
    #[inline(never)]
    fn succeeded_slowly(&self, tag: Tag, now: u64) {
        self.record(tag, now, Ended::default());
    }

    /// Any result.
    pub(super) fn record(&self, tag: Tag, now: u64, ended: Ended) {
        let mut ring = self.ring();
        if !ring.begin(tag.generation()) {
            return;
        }
        self.collect(&mut ring);
        ring.push(self.shape.calls, self.number(now), ended);
        // The line of this thread counts on in the present.
        let line = self.line(shard::shard());
        if self.shape.calls == 0 {
            let start = self.number(now) * self.shape.slice;
            let last = start.saturating_add(self.shape.slice - 1);
            if line.last.load(Relaxed) < last {
                line.last.store(last, Relaxed);
            }
        }
        let count = line.count.load(Relaxed);
        if Tag::of_generation(tag.generation()).behind(count) > MOST {
            // Of an earlier period: whatever is added to it meanwhile is nothing.
            line.count.store(tag.base(), Relaxed);
        }
    }

    /// What is in the window of a period now.
    pub(super) fn counts(&self, tag: Tag, now: u64) -> Counts {
        let mut ring = self.ring();
        if !ring.begin(tag.generation()) {
            return Counts::default();
        }
        self.collect(&mut ring);
        ring.counts(self.shape.calls, self.number(now))
    }

    /// Writes the successes that the lines have counted to the ring.
    fn collect(&self, ring: &mut Ring) {
        let period = Tag::of_generation(ring.generation());
        for line in &self.lines {
            let unknown = period.behind(line.count.load(Relaxed));
            if unknown > 0 && unknown <= MOST {
                let count = line.count.swap(period.base(), AcqRel);
                let number = self.number(line.last.load(Relaxed));
                ring.add(self.shape.calls, number, period.behind(count));
            }
        }
    }

    /// The number of the slice of a moment.
    fn number(&self, now: u64) -> u64 {
        if self.shape.calls > 0 { 0 } else { now / self.shape.slice }
    }

    pub(super) fn count_rejected(&self) {
        self.line(shard::shard()).count_rejected();
    }

    pub(super) fn rejected(&self) -> u64 {
        self.lines.iter().map(|line| line.rejected.load(Relaxed)).sum()
    }
}
