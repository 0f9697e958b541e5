//! What the programs of this package share: a body that succeeds or fails without the compiler
//! knowing, and ways to run it.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use steadfast::{CircuitOpen, Classify};

/// An error without anything to drop.
#[derive(Clone, Copy, Debug, Classify)]
pub enum Failure {
    #[retryable]
    Down,
    #[permanent]
    Gone,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Gone => "gone",
        })
    }
}

impl std::error::Error for Failure {}

impl From<CircuitOpen> for Failure {
    fn from(_: CircuitOpen) -> Self {
        Self::Gone
    }
}

/// What every hand-written loop asks.
pub fn transient(error: &Failure) -> bool {
    matches!(error, Failure::Down)
}

/// Succeeds, but the compiler does not know.
#[inline(always)]
pub fn body(x: u64) -> Result<u64, Failure> {
    match black_box(x) {
        u64::MAX => Err(Failure::Down),
        x if x == u64::MAX - 1 => Err(Failure::Gone),
        x => Ok(x),
    }
}

/// Fails until it was called `times` times more. No read-modify-write: that would be most of a row.
#[inline(always)]
pub fn failing(calls: &AtomicU32, times: u32) -> Result<u32, Failure> {
    let call = calls.load(Relaxed) + 1;
    calls.store(call, Relaxed);
    if black_box(call) % (times + 1) == 0 { Ok(1) } else { Err(Failure::Down) }
}

/// Polls until it is ready. Nothing wakes: for what never waits. Never inlined, so that every way
/// crosses the same border.
#[inline(never)]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

/// A runtime for who wants one at hand.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// A runtime whose clock stands still until everybody waits.
#[cfg(feature = "paused")]
pub fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime")
}

/// How many times the calls of one thread two threads make in the same time, and the nanoseconds
/// that a call takes on one and on two. `calls` makes so many.
///
/// The best of many: a machine that does something else in between only makes it slower.
pub fn two_threads(count: u64, calls: impl Fn(u64) + Sync) -> String {
    let once = |threads: u32| {
        // From when all are there to when the last is done: to start a thread takes as long as many
        // calls.
        let there = AtomicU32::new(0);
        let run = || {
            there.fetch_add(1, Relaxed);
            while there.load(Relaxed) < threads {
                std::hint::spin_loop();
            }
            let begin = Instant::now();
            calls(count);
            (begin, Instant::now())
        };
        let times: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            all.into_iter().map(|thread| thread.join().expect("it is done")).collect()
        });
        let begin = times.iter().map(|time| time.0).min().expect("one");
        let end = times.iter().map(|time| time.1).max().expect("one");
        end.duration_since(begin).as_nanos() as f64 / count as f64
    };
    let (mut alone, mut together) = (f64::MAX, f64::MAX);
    for _ in 0..99 {
        alone = alone.min(once(1));
        together = together.min(once(2));
    }
    format!("{:.2} ({alone:.1} ns, {together:.1} ns)", 2.0 * alone / together)
}
