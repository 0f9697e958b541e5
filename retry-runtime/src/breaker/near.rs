//! Breakers of keys where a thread has met them: found again without a look at what threads share.
//!
//! The threads of a shard have a list of their own of the keys that they have called with, and of each
//! breaker in it a count of their own of the calls that are under way. So threads of two shards write
//! to nothing in common, be it with one key. What is in these lists is in the list of all keys, too:
//! who drops a breaker there takes it out of these first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::CircuitBreaker;
use super::keyed::Slot;
use crate::shard::SHARDS;

/// A breaker as the calls of one shard hold it: they are counted by the pointer to this. Away from
/// what other threads write to.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Near {
    pub(super) breaker: Arc<CircuitBreaker>,
    key: Arc<str>,
}

/// The lists of all shards.
pub(super) struct Lists([List; SHARDS]);

/// By the hash of the key, of which the list has one at a time: another key with that hash is looked
/// for among all. Nothing is allocated for a shard that meets no key.
#[repr(align(128))]
struct List(Mutex<ByHash>);

type ByHash = HashMap<u64, Arc<Near>, BuildHasherDefault<Hashed>>;

/// A multiplication for each eight bytes. Who chooses keys that collide slows down these keys alone.
fn hash(key: &str) -> u64 {
    // The fraction of the golden ratio: bits without a pattern.
    let mix = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * 0x9e37_79b9_7f4a_7c15;
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let (high, low) = ((product >> 64) as u64, product as u64);
        high ^ low
    };
    let bytes = key.as_bytes();
    let (words, rest) = bytes.as_chunks();
    let word = |state, word: &[u8; 8]| mix(state, u64::from_le_bytes(*word));
    let state = words.iter().fold(key.len() as u64, word);
    match bytes.last_chunk() {
        // What is left, and some of it once more.
        Some(last) => word(state, last),
        None => mix(state, rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    }
}

/// What is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a number is written as one")
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Which shards have a breaker in their list, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u16);

const _: () = assert!(SHARDS <= u16::BITS as usize, "a bit for each shard");

impl Places {
    pub(super) const fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Lists {
    pub(super) const fn new() -> Self {
        Self([const { List(Mutex::new(ByHash::with_hasher(BuildHasherDefault::new()))) }; SHARDS])
    }

    fn list(&self, shard: usize) -> MutexGuard<'_, ByHash> {
        self.0[shard % SHARDS].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The breaker of a key, where a thread of this shard has met it.
    #[inline]
    pub(super) fn find(&self, shard: usize, key: &str) -> Option<Arc<Near>> {
        let near = self.list(shard).get(&hash(key)).map(Arc::clone)?;
        (*near.key == *key).then_some(near)
    }

    /// Puts a breaker into the list of a shard. The caller holds the lock of all keys.
    pub(super) fn put(&self, shard: usize, slot: &mut Slot) -> Arc<Near> {
        let (key, breaker) = (Arc::clone(&slot.key), Arc::clone(&slot.breaker));
        let near = Arc::new(Near { breaker, key });
        match self.list(shard).entry(hash(&slot.key)) {
            Entry::Vacant(place) => {
                place.insert(Arc::clone(&near));
                slot.places.0 |= 1 << (shard % SHARDS);
                near
            }
            // Another thread of this shard was faster.
            Entry::Occupied(place) if place.get().key == slot.key => Arc::clone(place.get()),
            Entry::Occupied(_) => near,
        }
    }

    /// Takes a breaker out of the lists; `false`, and it stays in some of them, where a call is under
    /// way. The caller holds the lock of all keys, so that nobody puts it back.
    pub(super) fn remove(&self, slot: &mut Slot) -> bool {
        let Places(places) = slot.places;
        for shard in (0..SHARDS).filter(|shard| places & (1 << shard) != 0) {
            let mut list = self.list(shard);
            // Under the lock of the list nobody gets at it who does not hold it already.
            let hash = hash(&slot.key);
            if list.get(&hash).is_some_and(|near| Arc::strong_count(near) > 1) {
                return false;
            }
            list.remove(&hash);
            slot.places.0 &= !(1 << shard);
        }
        true
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::keyed::Family;
    use super::super::owner::Owner;
    use super::*;

    const LENGTH: u64 = 24;

    /// Texts of that length with one hash.
    fn colliding() -> [String; 2] {
        // The second eight bytes bring the state to zero, whatever the first eight were.
        let mut found = (0..).filter_map(|n| {
            let first = format!("{n:08}");
            let word = u64::from_le_bytes(first.as_bytes().try_into().ok()?);
            let product = u128::from(LENGTH ^ word) * 0x9e37_79b9_7f4a_7c15;
            #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
            let state = (product >> 64) as u64 ^ product as u64;
            let second = String::from_utf8(state.to_le_bytes().to_vec()).ok()?;
            Some(format!("{first}{second}the same"))
        });
        [found.next().unwrap(), found.next().unwrap()]
    }

    #[test]
    fn keys_of_one_hash_have_a_breaker_each() {
        let keys = colliding();
        assert_ne!(keys[0], keys[1]);
        assert_eq!(hash(&keys[0]), hash(&keys[1]));
        let family = Family::new(CircuitBreaker::new("near-hash").failure_threshold(1), 2);
        let breaker = |key: &str| match family.of_key(key) {
            Owner::Near(near) => near,
            other => panic!("{other:?}"),
        };
        for _ in 0..2 {
            let [one, other] = [breaker(&keys[0]), breaker(&keys[1])];
            assert_eq!((one.breaker.key.as_deref(), &*one.key), (Some(&*keys[0]), &*keys[0]));
            assert_eq!((other.breaker.key.as_deref(), &*other.key), (Some(&*keys[1]), &*keys[1]));
        }
        // And both of them go where room is needed.
        for n in 0..100 {
            breaker(&format!("{n}"));
        }
        assert!(keys.iter().all(|key| family.find(key).is_none()));
        assert_eq!(family.all().len(), 2);
    }

    #[test]
    fn a_hash_takes_all_of_a_key() {
        let keys = ["", "a", "b", "ab", "ba", "a\0", "12345678", "123456789", "1234567890123456"];
        let hashes: std::collections::BTreeSet<u64> = keys.map(hash).into();
        assert_eq!(hashes.len(), keys.len());
    }
}
