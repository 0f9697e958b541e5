//! What the scripts answer. Anything else than they can say is a server that is none.

use std::time::Duration;

use ::redis::Value;

use crate::idempotency::store::{
    Claim, Claimed, Owner, Record, RecordState, StoreError, StoreErrorKind, Written,
};

pub(super) fn claimed(answer: Value, owner: Owner) -> Result<Claimed, StoreError> {
    let mut words = Words::new(answer)?;
    Ok(match words.text()?.as_str() {
        "owned" => {
            let fence = words.number()?;
            Claimed::Owned { claim: Claim { owner, fence }, was_unknown: words.text()? == "1" }
        }
        "busy" => Claimed::InFlight {
            fence: words.number()?,
            left: Duration::from_millis(words.number()?),
        },
        "done" => Claimed::Done { value: words.bytes()? },
        "unknown" => Claimed::Unknown { fence: words.number()? },
        "mismatch" => Claimed::Mismatch,
        "often" => Claimed::TooOften { claims: words.count()? },
        other => return Err(words.unreadable(other)),
    })
}

pub(super) fn written(answer: &Value) -> Result<Written, StoreError> {
    let mut words = Words::new(answer.clone())?;
    Ok(match words.text()?.as_str() {
        "made" => Written::Made,
        "lost" if words.is_over() => Written::Lost { fence: None },
        "lost" => Written::Lost { fence: Some(words.number()?) },
        other => return Err(words.unreadable(other)),
    })
}

pub(super) fn record(answer: Value, key: &str) -> Result<Option<Record>, StoreError> {
    let mut words = Words::new(answer)?;
    match words.text()?.as_str() {
        "none" => return Ok(None),
        "record" => {}
        other => return Err(words.unreadable(other)),
    }
    let state = match words.text()?.as_str() {
        "f" => RecordState::InFlight,
        "d" => RecordState::Done,
        "r" => RecordState::Released,
        "u" => RecordState::Unknown,
        _ => return Err(garbled()),
    };
    let mut record = Record::new(key.to_owned(), state, words.number()?);
    record.claims = words.count()?;
    // Negative where somebody took the expiry away: it is never forgotten.
    record.expires_in = words.number().map_or(Duration::MAX, Duration::from_millis);
    record.value = words.optional()?;
    record.note = words.optional()?.map(|note| String::from_utf8_lossy(&note).into_owned());
    Ok(Some(record))
}

/// The elements of a script's answer, one after the other.
struct Words(std::vec::IntoIter<Value>);

impl Words {
    fn new(answer: Value) -> Result<Self, StoreError> {
        match answer {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(garbled()),
        }
    }

    fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    fn optional(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(Value::SimpleString(text)) => Ok(Some(text.into_bytes())),
            Some(_) => Err(garbled()),
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.optional()?.ok_or_else(garbled)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?).map_err(|_| garbled())
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        match self.0.next() {
            Some(Value::Int(number)) => u64::try_from(number).map_err(|_| garbled()),
            Some(Value::BulkString(text)) => std::str::from_utf8(&text)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(garbled),
            _ => Err(garbled()),
        }
    }

    fn count(&mut self) -> Result<u32, StoreError> {
        self.number().map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// The record could not be read by the script, or its first word not by us.
    fn unreadable(&mut self, word: &str) -> StoreError {
        let detail = self.text().unwrap_or_default();
        match word {
            "corrupt" => StoreError::new(
                StoreErrorKind::Corrupt,
                format!("the record in redis cannot be read: {detail}"),
            ),
            "newer" => StoreError::new(
                StoreErrorKind::Incompatible,
                format!(
                    "the record in redis has version {detail} of the layout, this release reads 1"
                ),
            ),
            _ => garbled(),
        }
    }
}

fn garbled() -> StoreError {
    StoreError::new(StoreErrorKind::Refused, "the server did not answer as redis does")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(words: &[&str]) -> Value {
        Value::Array(words.iter().map(|word| Value::BulkString(word.as_bytes().to_vec())).collect())
    }

    #[test]
    fn what_no_script_says_is_refused_and_does_not_panic() {
        for strange in [
            Value::Nil,
            Value::Okay,
            Value::Int(1),
            Value::Array(vec![]),
            answer(&["hello"]),
            answer(&["owned"]),
            answer(&["owned", "-1", "0"]),
            answer(&["busy", "1"]),
            Value::Array(vec![Value::BulkString(vec![0xff])]),
        ] {
            let kind = claimed(strange.clone(), Owner(1)).unwrap_err().kind();
            assert_eq!(kind, StoreErrorKind::Refused, "{strange:?}");
        }
        assert_eq!(written(&Value::Okay).unwrap_err().kind(), StoreErrorKind::Refused);
        assert_eq!(
            record(answer(&["record", "x"]), "k").unwrap_err().kind(),
            StoreErrorKind::Refused
        );
    }

    #[test]
    fn unreadable_records_are_told_from_newer_ones() {
        let corrupt = written(&answer(&["corrupt", "its fence cannot be read"])).unwrap_err();
        assert_eq!(corrupt.kind(), StoreErrorKind::Corrupt);
        assert!(corrupt.to_string().contains("its fence"), "{corrupt}");
        let newer = claimed(answer(&["newer", "2"]), Owner(1)).unwrap_err();
        assert_eq!(newer.kind(), StoreErrorKind::Incompatible);
        assert!(newer.to_string().contains("version 2"), "{newer}");
    }

    #[test]
    fn a_record_without_expiry_is_kept_for_ever() {
        let words = Value::Array(vec![
            Value::BulkString(b"record".to_vec()),
            Value::BulkString(b"d".to_vec()),
            Value::BulkString(b"2".to_vec()),
            Value::BulkString(b"1".to_vec()),
            Value::Int(-1),
            Value::BulkString(b"value".to_vec()),
            Value::Nil,
        ]);
        let record = record(words, "k").unwrap().unwrap();
        assert_eq!(record.expires_in, Duration::MAX);
        assert_eq!(record.value.as_deref(), Some(b"value".as_slice()));
        assert_eq!(record.note, None);
    }
}
