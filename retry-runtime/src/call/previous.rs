//! The delay before the running attempt, in half a word: a call is kept in every future.

/// Nanoseconds as a mantissa of 25 bits and an exponent of 5; whether a poll came before; whether the
/// delay still lasts. Exact for every whole number of milliseconds up to two seconds and for round
/// numbers of seconds, and to 1 in 16 million beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Previous(u32);

const MANTISSA_BITS: u32 = 25;
const MANTISSA: u32 = (1 << MANTISSA_BITS) - 1;
const EXPONENT: u32 = 0b1_1111;
const WAITING: u32 = 1 << 30;
const POLL: u32 = 1 << 31;

impl Previous {
    /// Before the first attempt there was none.
    pub(super) const NONE: Self = Self(0);

    #[expect(clippy::cast_possible_truncation, reason = "shifted to where it fits")]
    pub(super) const fn new(nanos: u64, poll: bool) -> Self {
        let excess = (u64::BITS - MANTISSA_BITS).saturating_sub(nanos.leading_zeros());
        let exponent = if excess > EXPONENT { EXPONENT } else { excess };
        let mantissa = nanos >> exponent;
        let mantissa = if mantissa > MANTISSA as u64 { MANTISSA } else { mantissa as u32 };
        Self((if poll { POLL } else { 0 }) | WAITING | (exponent << MANTISSA_BITS) | mantissa)
    }

    /// Whether the delay still lasts.
    pub(super) const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    /// The delay is over.
    pub(super) const fn over(self) -> Self {
        Self(self.0 & !WAITING)
    }

    pub(super) const fn nanos(self) -> u64 {
        ((self.0 & MANTISSA) as u64) << ((self.0 >> MANTISSA_BITS) & EXPONENT)
    }

    pub(super) const fn followed_poll(self) -> bool {
        self.0 & POLL != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_delays_are_kept_exactly() {
        for millis in (0..2000).chain([3_000, 7_500, 10_000, 30_000, 60_000]) {
            let nanos = millis * 1_000_000;
            assert_eq!(Previous::new(nanos, false).nanos(), nanos);
        }
    }

    #[test]
    fn every_delay_is_kept_closely_and_none_overflows() {
        for shift in 0..64 {
            for nanos in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let kept = Previous::new(nanos, true);
                assert!(kept.followed_poll() && kept.is_waiting() && !kept.over().is_waiting());
                assert_eq!(kept.over().nanos(), kept.nanos());
                assert!(kept.nanos() <= nanos);
                // The longest that half a word holds is two years.
                let most = nanos.min((MANTISSA as u64) << EXPONENT);
                assert!(most - kept.nanos() <= most >> 24, "{nanos}");
            }
        }
    }
}
