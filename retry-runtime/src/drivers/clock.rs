//! The library's clock: tokio's where a runtime with a paused clock may be about, else the system's.

use std::sync::OnceLock;
use std::time::Instant;

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
    tokio::time::Instant::now().into_std()
}

#[cfg(not(feature = "tokio"))]
fn instant() -> Instant {
    Instant::now()
}

pub(crate) fn now() -> Timestamp {
    if let Some(now) = testing::manual_now() {
        return now;
    }
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
