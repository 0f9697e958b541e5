//! The bytes of a stored answer: what they are, whether they are whole, and for whom.

use std::io;

use hmac_sha256::Hash;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::IdempotencyError;

/// A type whose values can be stored and answered again.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot be stored as the answer of an idempotent function",
    label = "neither `serde::Serialize` nor `serde::de::DeserializeOwned`",
    note = "add `#[derive(serde::Serialize, serde::Deserialize)]` to the type; a type that borrows \
            cannot be read back"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// The most bytes that are stored of one answer, all included.
pub const MAX_VALUE: usize = 1 << 20;

const MAGIC: [u8; 4] = *b"SFID";
const FORMAT: u8 = 1;
/// Magic, format, kind, version of the user, checksum.
const HEADER: usize = 4 + 1 + 1 + 4 + 8;

/// What an envelope holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Value = 0,
    Error = 1,
    /// The effect happened and its answer could not be kept.
    NotStored = 2,
}

fn seal(kind: Kind, version: u32, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4] = FORMAT;
    bytes[5] = kind as u8;
    bytes[6..10].copy_from_slice(&version.to_le_bytes());
    let checksum = checksum(&bytes);
    bytes[10..HEADER].copy_from_slice(&checksum);
    bytes
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut hash = Hash::new();
    hash.update(&bytes[..10]);
    hash.update(&bytes[HEADER..]);
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash.finalize()[..8]);
    sum
}

/// The record of an effect whose answer is not kept.
pub(super) fn not_stored(version: u32) -> Vec<u8> {
    seal(Kind::NotStored, version, vec![0; HEADER])
}

/// Stores what can be read back. What cannot is found out now, while its value is still there: a
/// number that is not finite, a field that is only written.
pub(super) fn store<T: Storable>(kind: Kind, version: u32, value: &T) -> Result<Vec<u8>, String> {
    let mut bounded = Bounded(vec![0; HEADER]);
    serde_json::to_writer(&mut bounded, value).map_err(|error| error.to_string())?;
    serde_json::from_slice::<T>(&bounded.0[HEADER..])
        .map_err(|error| format!("it cannot be read back: {error}"))?;
    Ok(seal(kind, version, bounded.0))
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_VALUE {
            return Err(io::Error::other(format!("it is larger than {MAX_VALUE} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks into an envelope: what it holds, and the bytes of it.
pub(super) fn open(version: u32, bytes: &[u8]) -> Result<(Kind, &[u8]), IdempotencyError> {
    let corrupt = |why: &str| Err(IdempotencyError::Corrupt(why.to_owned()));
    if bytes.len() < HEADER || bytes[..4] != MAGIC {
        return corrupt("it is no answer of an idempotent function");
    }
    if bytes[4] > FORMAT {
        // Nothing is known of what follows.
        return Err(IdempotencyError::Incompatible(format!(
            "it was written in format {}, and this version reads up to {FORMAT}",
            bytes[4]
        )));
    }
    if bytes[10..HEADER] != checksum(bytes) {
        return corrupt("its checksum is wrong");
    }
    let written = u32::from_le_bytes([bytes[6], bytes[7], bytes[8], bytes[9]]);
    let kind = match bytes[5] {
        0 => Kind::Value,
        1 => Kind::Error,
        2 => Kind::NotStored,
        _ => return corrupt("its kind is not known"),
    };
    if written != version {
        return Err(IdempotencyError::Incompatible(format!(
            "it was written for `version = {written}`, and the function has `version = {version}`"
        )));
    }
    Ok((kind, &bytes[HEADER..]))
}

/// Reads a stored value or error.
pub(super) fn read<T: Storable>(bytes: &[u8]) -> Result<T, IdempotencyError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The checksum was right: it is the type that has changed. Neither the message's text of a
        // value nor the value itself is told.
        IdempotencyError::Incompatible(format!(
            "it was stored for another type; give the function another `version` ({:?} error at \
             byte {})",
            error.classify(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_read_back() {
        let bytes = store(Kind::Value, 3, &vec![Some("é"), None].map_to_owned()).expect("storable");
        let (kind, body) = open(3, &bytes).expect("whole");
        assert_eq!(kind, Kind::Value);
        let value: Vec<Option<String>> = read(body).expect("the same type");
        assert_eq!(value, [Some("é".to_owned()), None]);
        assert_eq!(open(0, &not_stored(0)).expect("whole").0, Kind::NotStored);
    }

    trait MapToOwned {
        fn map_to_owned(self) -> Vec<Option<String>>;
    }

    impl MapToOwned for Vec<Option<&str>> {
        fn map_to_owned(self) -> Vec<Option<String>> {
            self.into_iter().map(|text| text.map(str::to_owned)).collect()
        }
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let bytes = store(Kind::Value, 1, &"paid".to_owned()).expect("storable");
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            let error = open(1, &changed).expect_err("a changed bit");
            assert!(
                matches!(error, IdempotencyError::Corrupt(_) | IdempotencyError::Incompatible(_)),
                "{error}"
            );
        }
        for end in 0..bytes.len() {
            assert!(matches!(open(1, &bytes[..end]), Err(IdempotencyError::Corrupt(_))), "{end}");
        }
    }

    #[test]
    fn another_version_or_type_does_not_fit() {
        let bytes = store(Kind::Value, 1, &7_u32).expect("storable");
        assert!(matches!(open(2, &bytes), Err(IdempotencyError::Incompatible(_))));
        let (_, body) = open(1, &bytes).expect("whole");
        let error = read::<String>(body).expect_err("another type");
        assert!(matches!(error, IdempotencyError::Incompatible(_)));
    }

    #[test]
    fn what_cannot_be_read_back_or_is_too_large_is_not_stored() {
        assert!(store(Kind::Value, 0, &f64::NAN).is_err());
        let most = "x".repeat(MAX_VALUE - HEADER - 2);
        assert_eq!(store(Kind::Value, 0, &most).expect("fits").len(), MAX_VALUE);
        let more = "x".repeat(MAX_VALUE - HEADER - 1);
        let error = store(Kind::Value, 0, &more).expect_err("one too many");
        assert!(error.contains("larger"), "{error}");
    }
}
