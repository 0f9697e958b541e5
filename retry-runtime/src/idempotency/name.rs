//! What a key is called: in a store, in a log, downstream.

use std::fmt;
use std::sync::Arc;

use hmac_sha256::Hash;

use crate::idempotency_key::IdempotencyKey;
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

/// The key that goes downstream: a digest of scope and key, so that it is the same for every attempt,
/// every owner and every process, and tells nothing of the arguments.
pub(super) fn handed(full: &str) -> IdempotencyKey {
    let mut digest = Hash::new();
    // Not the digest that logs show.
    digest.update(b"steadfast idempotency key\0");
    digest.update(full.as_bytes());
    let digest = digest.finalize();
    IdempotencyKey::from_bits(
        digest.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte)),
    )
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
        let key = handed("order_{7}_payment");
        assert_eq!(key.to_string(), PINNED);
        assert_ne!(&key.as_str()[..12], hashed("order_{7}_payment"));
    }

    /// Other processes, and other versions of this library, must make the same.
    const PINNED: &str = "70228984-801f-827e-be28-ede6d7497860";
}
