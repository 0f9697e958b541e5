//! A generator of each thread's own: no lock, no shared state, seeded by the operating system.

use std::cell::RefCell;

use rand::rngs::{SmallRng, SysRng};
use rand::{Rng, SeedableRng};

use crate::testing;

thread_local! {
    static GENERATOR: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// A number uniform over all of `u64`.
pub(crate) fn next() -> u64 {
    if let Some(random) = testing::seeded_random() {
        return random;
    }
    GENERATOR.with_borrow_mut(|generator| generator.get_or_insert_with(seeded).next_u64())
}

fn seeded() -> SmallRng {
    SmallRng::try_from_rng(&mut SysRng).unwrap_or_else(|_| {
        // Without entropy from the system the hasher's random keys still differ by process, and
        // the thread's by thread.
        use std::hash::{BuildHasher, RandomState};
        SmallRng::seed_from_u64(RandomState::new().hash_one(std::thread::current().id()))
    })
}
