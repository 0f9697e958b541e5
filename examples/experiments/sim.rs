//! Virtual time: a queue of events and a generator of random numbers. Knows nothing of retries.
//!
//! Everything follows from a seed. Events of one moment come in the order in which they were
//! scheduled, so that a run is the same on every machine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use steadfast::Timestamp;

/// Nanoseconds of a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// A number of seconds as nanoseconds.
pub(crate) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// A simulated moment on the library's clock. The simulation starts an hour after it, since no
/// process asks for a retry in the first nanosecond of its clock.
pub(crate) const fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(3600 * SECOND + nanos)
}

/// `SplitMix64` (Steele, Lea, Flood: “Fast Splittable Pseudorandom Number Generators”, 2014): small,
/// and the same everywhere and for ever, which no crate promises of its generators.
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator for one run of one experiment: `stream` tells runs of the same seed apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed);
        let mixed = rng.u64() ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixed)
    }

    /// Uniform over all of `u64`.
    pub(crate) fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponentially distributed: the gap between two arrivals of a Poisson process.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Normally distributed, the sign dropped.
    pub(crate) fn half_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.unit();
        (mean + deviation * radius * angle.cos()).abs()
    }
}

/// Events in the order of their moments.
pub(crate) struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, Slot<E>)>>,
    scheduled: u64,
}

/// An event, which the order must not look at.
struct Slot<E>(E);

impl<E> PartialEq for Slot<E> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<E> Eq for Slot<E> {}
impl<E> PartialOrd for Slot<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Slot<E> {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), scheduled: 0 }
    }

    /// Schedules an event at a moment in nanoseconds.
    pub(crate) fn push(&mut self, moment: u64, event: E) {
        self.scheduled += 1;
        self.heap.push(Reverse((moment, self.scheduled, Slot(event))));
    }

    /// The next event and its moment.
    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        self.heap.pop().map(|Reverse((moment, _, Slot(event)))| (moment, event))
    }
}
