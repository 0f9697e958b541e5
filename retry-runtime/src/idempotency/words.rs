//! What every store says and refuses alike: the notes that are the library's own, how much of a note
//! is kept, and what a key may be.

#[cfg(any(feature = "redb", feature = "postgres"))]
use super::store::{StoreError, StoreErrorKind};

/// The note of a record whose owner was not heard of again.
pub(super) const LEASE_OVER: &str = "the lease passed without an answer";
/// The note of a record whose owner's destructor marked it.
pub(super) const DROPPED: &str = "the owner was dropped, or panicked";
/// The note of a record of which an operator said that nothing had happened.
pub(super) const NOT_DONE: &str = "resolved: not done";

/// Bytes of a note that are kept at most.
#[cfg(any(feature = "redb", feature = "postgres"))]
pub(super) const NOTE_BYTES: usize = 1024;

/// What is kept of a note.
#[cfg(any(feature = "redb", feature = "postgres"))]
pub(super) fn kept(note: &str) -> &str {
    let end = (0..=note.len().min(NOTE_BYTES)).rfind(|end| note.is_char_boundary(*end));
    &note[..end.unwrap_or(0)]
}

/// A key that the engine would not make is a mistake of whoever calls a store by hand.
#[cfg(any(feature = "redb", feature = "postgres"))]
pub(super) fn check_key(store: &str, key: &str) -> Result<(), StoreError> {
    let printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if (1..=512).contains(&key.len()) && printable {
        return Ok(());
    }
    let words = format!("{store}: a key is 1 to 512 bytes of printable ASCII");
    Err(StoreError::new(StoreErrorKind::Refused, words))
}

#[cfg(all(test, any(feature = "redb", feature = "postgres")))]
mod tests {
    use super::{NOTE_BYTES, check_key, kept};

    #[test]
    fn a_note_is_cut_at_a_character() {
        let long = "ä".repeat(NOTE_BYTES);
        assert_eq!(kept("short"), "short");
        assert_eq!(kept(&long).len(), NOTE_BYTES);
        assert_eq!(kept(&format!("x{long}")).len(), NOTE_BYTES - 1);
    }

    #[test]
    fn keys_that_are_no_keys_are_refused() {
        for key in ["", "a\0b", "ä", "a\nb", &"k".repeat(513)] {
            assert!(check_key("store", key).is_err(), "{key:?}");
        }
        for key in [" ", "~", &"k".repeat(512)] {
            assert!(check_key("store", key).is_ok(), "{key:?}");
        }
    }
}
