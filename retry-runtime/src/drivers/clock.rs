//! The library's clock: tokio's where a runtime with a paused clock may be about, else the system's.

use std::sync::OnceLock;
use std::time::Instant;

use crate::shard;
use crate::testing;
use crate::time::{Timestamp, nanos};

/// The moment that the clock counts from. The system's even under tokio: a paused clock that has run
/// ahead in one runtime would put every other one before it.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// What the clock showed at its origin: a day in nanoseconds, since a clock that was paused earlier
/// is before it.
const AT_ORIGIN: u64 = 86_400_000_000_000;

#[cfg(feature = "tokio")]
fn instant() -> Instant {
    // A call that a thread-local keeps ends when the thread does, and tokio's own may be gone then.
    match tokio::runtime::Handle::try_current() {
        Err(gone) if gone.is_thread_local_destroyed() => Instant::now(),
        _ => tokio::time::Instant::now().into_std(),
    }
}

#[cfg(not(feature = "tokio"))]
fn instant() -> Instant {
    Instant::now()
}

#[inline]
pub(crate) fn now() -> Timestamp {
    // Who is in a scope is watched, and that is cheaper to ask.
    if shard::watched()
        && let Some(now) = testing::manual_now()
    {
        return now;
    }
    real()
}

#[inline]
fn real() -> Timestamp {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !can_be_paused() {
        return kernel::precise();
    }
    measured()
}

#[inline(never)]
fn measured() -> Timestamp {
    let (origin, instant) = (origin(), instant());
    Timestamp::from_nanos(match instant.checked_duration_since(origin) {
        Some(after) => AT_ORIGIN.saturating_add(nanos(after)),
        None => AT_ORIGIN.saturating_sub(nanos(origin.saturating_duration_since(instant))),
    })
}

/// The calendar: time since 1970, zero on a machine that is before it. For what outlives the process;
/// it jumps when somebody sets it.
#[cfg(feature = "redb")]
pub(crate) fn calendar() -> std::time::Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// How far [`coarse`] may be behind: a tick of the slowest usual kernel, in nanoseconds.
pub(crate) const COARSE_NANOS: u64 = 10_000_000;

/// The clock outside of any test scope, up to [`COARSE_NANOS`] ago and never ahead: the moment of
/// the kernel's last tick, which is cheap to read. For what happens often, and is compared with
/// moments that are seconds away.
///
/// Where there is no such clock, or tokio's may be paused, it is the precise one.
#[inline]
pub(crate) fn coarse() -> Timestamp {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !can_be_paused() {
        return kernel::coarse();
    }
    measured()
}

/// The clock that `Instant` reads, without the detour: it counts from when the machine started.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel {
    use rustix::time::{ClockId, clock_gettime};

    use crate::time::Timestamp;

    #[inline]
    pub(super) fn precise() -> Timestamp {
        read(ClockId::Monotonic)
    }

    #[inline]
    pub(super) fn coarse() -> Timestamp {
        read(ClockId::MonotonicCoarse)
    }

    #[inline]
    fn read(clock: ClockId) -> Timestamp {
        let time = clock_gettime(clock);
        // Never negative, and far from overflowing.
        let seconds = time.tv_sec.cast_unsigned();
        #[allow(clippy::useless_conversion, reason = "narrower on some targets")]
        let nanos = u64::from(time.tv_nsec.cast_unsigned());
        Timestamp::from_nanos(seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos))
    }
}

/// Whether tokio is built with a clock that tests can pause, so that only tokio knows the time.
///
/// Its feature `test-util` is not ours to see. But with it, and only then, `tokio::time` has a
/// function `pause`, which shadows the constant of the block around.
#[cfg(any(target_os = "linux", target_os = "android"))]
const fn can_be_paused() -> bool {
    #[cfg(feature = "tokio")]
    {
        #[allow(dead_code, non_upper_case_globals, reason = "it is what a function is not")]
        const pause: u8 = 0;
        {
            #[allow(
                unused_imports,
                clippy::wildcard_imports,
                reason = "a name may be missing"
            )]
            use tokio::time::*;
            // A function takes no room.
            size_of_val(&pause) == 0
        }
    }
    #[cfg(not(feature = "tokio"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(feature = "tokio", target_os = "linux"))]
    #[test]
    fn the_tests_of_this_crate_can_pause_the_clock() {
        assert!(can_be_paused());
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn the_coarse_clock_is_late_by_a_tick_at_most_and_never_early() {
        for _ in 0..10_000 {
            let before = kernel::precise();
            let coarse = kernel::coarse();
            assert!(coarse <= kernel::precise());
            // A machine that stands still for a moment may miss ticks.
            assert!(before.as_nanos().saturating_sub(coarse.as_nanos()) < 20 * COARSE_NANOS);
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn the_clock_without_the_detour_runs_as_instant_does() {
        let before = kernel::precise();
        let instant = Instant::now();
        let after = kernel::precise();
        while instant.elapsed().as_nanos() < 2_000_000 {}
        let inner = kernel::precise().saturating_since(after);
        let passed = instant.elapsed();
        let outer = kernel::precise().saturating_since(before);
        assert!(inner <= passed && passed <= outer, "{inner:?} {passed:?} {outer:?}");
    }
}
