//! A generator of each thread's own: no lock, no shared state, seeded by the operating system.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use crate::{shard, testing};

thread_local! {
    /// 0 before the first number.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// A number uniform over all of `u64`.
///
/// The generator is wyrand (Wang Yi): one addition and one multiplication, since jitter is drawn in
/// the middle of an outage and needs no more.
#[inline]
pub(crate) fn next() -> u64 {
    if shard::watched()
        && let Some(random) = testing::seeded_random()
    {
        return random;
    }
    let mut state = STATE.get();
    if state == 0 {
        state = seed();
    }
    state = state.wrapping_add(0xa076_1d64_78bd_642f);
    STATE.set(state);
    let product = u128::from(state) * u128::from(state ^ 0xe703_7ed1_a0b4_28db);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product are folded")]
    {
        (product >> 64) as u64 ^ product as u64
    }
}

#[cold]
#[inline(never)]
fn seed() -> u64 {
    // The keys of a hasher are the entropy that `std` asks the system for. Where there is none, they
    // are the same in every thread, and the thread tells.
    RandomState::new().hash_one(std::thread::current().id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly_and_do_not_repeat() {
        let mut sixteenths = [0_u32; 16];
        let mut ones = 0;
        let mut last = next();
        for _ in 0..160_000 {
            let random = next();
            assert_ne!(random, last);
            last = random;
            sixteenths[(random >> 60) as usize] += 1;
            ones += u64::from(random.count_ones());
        }
        // Six standard deviations of 10 000 are 581.
        assert!(sixteenths.iter().all(|&count| (9400..10_600).contains(&count)), "{sixteenths:?}");
        let share = ones as f64 / (160_000.0 * 64.0);
        assert!((0.498..0.502).contains(&share), "{share}");
    }

    #[test]
    fn threads_draw_different_numbers() {
        let other = std::thread::spawn(|| [next(), next()]).join().unwrap();
        assert_ne!([next(), next()], other);
    }
}
