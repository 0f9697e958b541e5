//! What a key is called: in a store, in a log, downstream.

use std::fmt;
use std::sync::Arc;

use hmac_sha256::Hash;

use crate::key::{Key, KeyWriter};

/// The longest key that a store is given.
pub(super) const LONGEST: usize = 512;

/// Scope and key in one text. No key begins with two braces, and no scope holds one, so that the two
/// cannot be mistaken for each other.
pub(super) fn full(scope: Option<&str>, key: &Key) -> String {
    let Some(scope) = scope else { return key.as_str().to_owned() };
    let mut text = String::with_capacity(scope.len() + key.as_str().len() + 4);
    text.push_str("{{");
    KeyWriter::new(&mut text).push_str(scope);
    text.push_str("}}");
    text.push_str(key.as_str());
    text
}

/// The key that the store is given. A long one is replaced by its digest, in a form that no short one
/// can have: a `%` in a key is followed by two hexadecimal digits.
pub(super) fn stored(full: String) -> Arc<str> {
    if full.len() <= LONGEST {
        return Arc::from(full);
    }
    Arc::from(format!("%sha256:{}", hex(&Hash::hash(full.as_bytes()))))
}

/// How a stored key is called in a log.
pub(super) fn hashed(stored: &str) -> String {
    hex(&Hash::hash(stored.as_bytes())[..6])
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The key of an idempotent call as its body hands it on: `Idempotency-Key: …`.
///
/// 32 hexadecimal digits, a digest of scope and key: the same for every attempt, every owner and
/// every process, it tells nothing of the arguments, and fits where services limit such a key.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::__private::{Key, Spec};
///
/// static CHARGE: Spec = Spec::new("order_{order_id}", "shop::charge");
///
/// let key = CHARGE.idempotency_key(&Key::new().literal("order_").part(&7));
/// assert_eq!(key.as_str().len(), 32);
/// assert_eq!(key, CHARGE.idempotency_key(&Key::new().literal("order_").part(&7)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    pub(super) fn of(full: &str) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digest = Hash::new();
        // Not the digest that logs show.
        digest.update(b"steadfast idempotency key\0");
        digest.update(full.as_bytes());
        let digest = digest.finalize();
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Hexadecimal digits are UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(literal: &str, part: &str) -> Key {
        Key::new().literal(literal).part(part)
    }

    #[test]
    fn scope_and_key_cannot_be_mistaken_for_each_other() {
        let names = [
            full(None, &key("a", "b")),
            full(Some("a"), &key("", "b")),
            full(Some("a}}{b"), &key("", "b")),
            full(Some("a"), &key("}}{b", "b")),
            full(None, &key("{{a}}", "b")),
            full(Some("{{a}}"), &key("", "b")),
        ];
        for (at, name) in names.iter().enumerate() {
            assert!(!names[..at].contains(name), "{name}");
        }
    }

    #[test]
    fn a_long_key_becomes_a_digest_that_no_short_key_is() {
        let long = full(Some("s"), &key("k", &"x".repeat(1 << 20)));
        let stored_long = stored(long);
        assert_eq!(stored_long.len(), "%sha256:".len() + 64);
        let imitation = stored(full(None, &Key::new().literal(&stored_long)));
        assert_ne!(imitation, stored_long);
        assert!(imitation.starts_with("%25sha256:"));
        let at_limit = "x".repeat(LONGEST);
        assert_eq!(*stored(at_limit.clone()), *at_limit);
    }

    #[test]
    fn the_key_that_goes_downstream_does_not_change() {
        let key = IdempotencyKey::of("order_{7}_payment");
        assert_eq!(key.to_string(), PINNED);
        assert_ne!(&key.as_str()[..12], hashed("order_{7}_payment"));
    }

    /// Other processes, and other versions of this library, must make the same.
    const PINNED: &str = "70228984801f427e7e28ede6d7497860";
}
