//! The key that a body hands downstream, so that the other side can tell a repetition from a new
//! request.

use std::fmt;
use std::ops::Deref;

use crate::drivers::random;

/// What `Attempt::idempotency_key` gives: the text of a UUID, the same for every attempt of a call.
///
/// Under `#[idempotent]` it is made from scope and key alone, so that it is also the same for every
/// owner, process and deploy. Elsewhere it is drawn at random, once a call. Version 8 of the UUID says
/// that its bits are its maker's own (RFC 9562, 5.8).
///
/// ```
/// use retry_runtime::{Absent, RetryPolicy, testing};
///
/// static POLICY: RetryPolicy = RetryPolicy::new();
///
/// let _scope = testing::scope();
/// let mut keys = Vec::new();
/// let _: Option<()> = POLICY.call(|attempt| {
///     keys.push(attempt.idempotency_key().to_string());
///     None
/// });
/// assert_eq!(keys.len(), 3);
/// assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 36));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey([u8; 36]);

impl IdempotencyKey {
    /// The key of these bits; the places that a UUID needs for itself are taken from them.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        for (index, place) in places.enumerate() {
            let digit = (bits >> (124 - 4 * index)) & 0xf;
            let digit = match index {
                12 => 8,
                16 => digit & 0x3 | 0x8,
                _ => digit,
            };
            text[place] = DIGITS[usize::try_from(digit).unwrap_or(0)];
        }
        Self(text)
    }

    /// A key that nobody had before.
    #[doc(hidden)]
    #[must_use]
    pub fn drawn() -> Self {
        Self::from_bits(u128::from(random::next()) << 64 | u128::from(random::next()))
    }

    /// The key as text of 36 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits and dashes, whatever the bits were.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Deref for IdempotencyKey {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for IdempotencyKey {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdempotencyKey").field(&self.as_str()).finish()
    }
}

impl crate::KeyPart for IdempotencyKey {
    fn write_key(&self, key: &mut crate::KeyWriter<'_>) {
        key.push_str(self.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_text_of_a_uuid_of_version_8() {
        let key = IdempotencyKey::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(key.as_str(), "01234567-89ab-8def-8123-456789abcdef");
        assert_eq!(
            IdempotencyKey::from_bits(u128::MAX).as_str(),
            "ffffffff-ffff-8fff-bfff-ffffffffffff"
        );
        assert_ne!(IdempotencyKey::drawn(), IdempotencyKey::drawn());
    }
}
