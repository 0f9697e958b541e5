//! What time is to the decision core: a number that comes in as an argument.
//!
//! Nothing here reads a clock. The drivers do, and hand the reading on.

use std::time::Duration;

/// A reading of the library's monotonic clock: nanoseconds since an arbitrary start.
///
/// Readings are only comparable with each other, never with the calendar. A `u64` of nanoseconds
/// lasts 584 years; arithmetic saturates instead of overflowing.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::Timestamp;
///
/// let start = Timestamp::from_nanos(1_000);
/// let later = start.saturating_add(Duration::from_secs(1));
/// assert_eq!(later.saturating_since(start), Duration::from_secs(1));
/// assert_eq!(start.saturating_since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The last moment the clock can show; also what "never" saturates to.
    pub const MAX: Self = Self(u64::MAX);

    /// The reading `nanos` nanoseconds after the start of the clock.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start of the clock.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This moment plus `duration`, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }

    /// How long ago `earlier` was, zero if it is not earlier.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration as whole nanoseconds, at most `u64::MAX` (584 years).
#[must_use]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 {
        u64::MAX
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
        {
            nanos as u64
        }
    }
}
