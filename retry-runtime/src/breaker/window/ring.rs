//! The results of a window in their order, as far as the order matters: under the window's lock.

use std::collections::VecDeque;

use super::Ended;

/// A window of time is cut into this many slices, aligned to the clock: the current one and those
/// before.
pub(in super::super) const SLICES: u64 = 10;
const PLACES: usize = 10;

/// What a window holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    pub(in super::super) calls: u64,
    pub(in super::super) failed: u64,
    pub(in super::super) slow: u64,
}

impl Counts {
    pub(in super::super) fn failure_rate(&self) -> f64 {
        self.failed as f64 / self.calls as f64
    }

    pub(in super::super) fn slow_rate(&self) -> f64 {
        self.slow as f64 / self.calls as f64
    }

    const NOTHING: Self = Self { calls: 0, failed: 0, slow: 0 };

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn of(ended: Ended) -> Self {
        Self { calls: 1, failed: u64::from(ended.failed), slow: u64::from(ended.slow) }
    }
}

/// Both kinds at once: the one that a window is not stays empty.
#[derive(Debug)]
pub(super) struct Ring {
    generation: u64,
    /// All results of the generation. A success is nothing but its place in this.
    results: u64,
    /// The results that are more than that, by place, as far as they are in the window.
    bad: VecDeque<(u64, Ended)>,
    /// Failed and slow ones among `bad`.
    sum: Counts,
    /// Each slice at its number modulo `PLACES`; one without calls is empty.
    slices: [(u64, Counts); PLACES],
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self {
            generation: 0,
            results: 0,
            bad: VecDeque::new(),
            sum: Counts::NOTHING,
            slices: [(0, Counts::NOTHING); PLACES],
        }
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Goes on to a generation; `false` where that is over.
    pub(super) fn begin(&mut self, generation: u64) -> bool {
        if generation > self.generation {
            self.generation = generation;
            self.results = 0;
            self.bad.clear();
            self.sum = Counts::NOTHING;
            self.slices = [(0, Counts::NOTHING); PLACES];
        }
        generation == self.generation
    }

    /// A result, in a window of so many calls, or in a slice where that is 0.
    pub(super) fn push(&mut self, calls: u64, number: u64, ended: Ended) {
        if calls == 0 {
            self.add_to_slice(number, Counts::of(ended));
            return;
        }
        if ended.failed || ended.slow {
            self.bad.push_back((self.results, ended));
            self.sum.add(Counts::of(ended));
        }
        self.results += 1;
        self.forget(calls);
    }

    /// So many successes in a row.
    pub(super) fn add(&mut self, calls: u64, number: u64, successes: u64) {
        if calls == 0 {
            self.add_to_slice(number, Counts { calls: successes, ..Counts::NOTHING });
        } else {
            self.results = self.results.saturating_add(successes);
            self.forget(calls);
        }
    }

    /// Drops what has left a window of calls.
    fn forget(&mut self, calls: u64) {
        while let Some(&(place, ended)) = self.bad.front()
            && place + calls < self.results
        {
            self.bad.pop_front();
            self.sum.failed -= u64::from(ended.failed);
            self.sum.slow -= u64::from(ended.slow);
        }
    }

    fn add_to_slice(&mut self, number: u64, counts: Counts) {
        let Some(slice) =
            usize::try_from(number % SLICES).ok().and_then(|n| self.slices.get_mut(n))
        else {
            return;
        };
        if slice.1.calls == 0 || slice.0 < number {
            *slice = (number, counts);
        } else if slice.0 == number {
            slice.1.add(counts);
        }
        // Else the place belongs to a later slice: this one has left the window.
    }

    pub(super) fn counts(&self, calls: u64, number: u64) -> Counts {
        if calls > 0 {
            return Counts { calls: self.results.min(calls), ..self.sum };
        }
        let filled = || self.slices.iter().filter(|slice| slice.1.calls > 0);
        // A clock that went back still sees what was recorded: the newest slice is the present.
        let present = filled().map(|slice| slice.0).fold(number, u64::max);
        let mut sum = Counts::NOTHING;
        for slice in filled().filter(|slice| present - slice.0 < SLICES) {
            sum.add(slice.1);
        }
        sum
    }
}
