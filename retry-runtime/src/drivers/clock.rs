//! The library's clock: tokio's where a runtime with a paused clock may be about, else the system's.

use std::sync::OnceLock;
use std::time::Instant;

use crate::testing;
use crate::time::{Timestamp, nanos};

/// The moment that the clock calls a day: early enough that `now` is never before it.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(instant)
}

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
    let origin = origin();
    // One second in: moments shortly before the origin (a paused clock of another runtime) still
    // have a place.
    Timestamp::from_nanos(
        nanos(instant().saturating_duration_since(origin)).saturating_add(1_000_000_000),
    )
}
