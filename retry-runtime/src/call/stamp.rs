//! The moment at which an attempt began, in half a word: a call is kept in every future.

/// In steps of 2^24 nanoseconds, a sixtieth of a second, for the first two years of a process; after
/// that it is not known. Rounded up: suppression may end later, but not before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp(u32);

const STEP_BITS: u32 = 24;

impl Stamp {
    /// An attempt that began at once: the clock is read when the first call below it asks.
    pub(super) const NONE: Self = Self(0);

    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    pub(super) const fn at(nanos: u64) -> Self {
        let steps = nanos.saturating_add((1 << STEP_BITS) - 1) >> STEP_BITS;
        match steps {
            0 => Self(1),
            steps if steps <= u32::MAX as u64 => Self(steps as u32),
            _ => Self::NONE,
        }
    }

    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn nanos(self) -> u64 {
        (self.0 as u64) << STEP_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_kept_and_never_before_its_time() {
        for nanos in [0, 1, 16_777_215, 16_777_216, 16_777_217, 86_400_000_000_000] {
            let stamp = Stamp::at(nanos);
            assert!(!stamp.is_none());
            assert!(stamp.nanos() >= nanos && stamp.nanos() - nanos <= 1 << STEP_BITS, "{nanos}");
        }
    }

    #[test]
    fn what_is_too_late_to_be_kept_is_not_known() {
        assert!(!Stamp::at(u64::from(u32::MAX) << STEP_BITS).is_none());
        assert!(Stamp::at((u64::from(u32::MAX) << STEP_BITS) + 1).is_none());
        assert!(Stamp::at(u64::MAX).is_none());
    }
}
