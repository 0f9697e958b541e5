//! One record as bytes: a version, fields of fixed width, the value or note, and a digest over all of it
//! and the key. A value that was changed on the disk would otherwise be answered as if it had been paid.

use std::time::Duration;

use crate::idempotency::store::{Claim, Owner, Record, RecordState, StoreError, StoreErrorKind};
use crate::idempotency::words::LEASE_OVER;

/// The version of a record that this library writes and reads.
const VERSION: u8 = 1;
const DIGEST: usize = 8;

/// The note of a record whose owner died with its process.
const OWNER_DIED: &str = "the process of the owner ended without an answer";

/// A moment on the store's clock: nanoseconds of the calendar as it stood when the store was opened,
/// counted on by the monotonic clock.
pub(super) type Moment = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of the claim that brought it into its state; nobody, when an operator decided: a late owner must
    /// not take that for its own doing.
    pub(super) owner: Option<Owner>,
    pub(super) fence: u64,
    pub(super) claims: u32,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) ttl: Duration,
    pub(super) state: State,
    /// Of the record; in flight, of what it becomes when the lease ends.
    pub(super) expires: Moment,
    /// When a sweep looks at it, at the latest when it expires. Mostly earlier: so renewing and
    /// completing leave the order of sweeping alone.
    pub(super) due: Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// `session` is drawn when a store is opened: the lease of another one belongs to a dead process.
    InFlight {
        until: Moment,
        session: u64,
        was_unknown: bool,
    },
    Done(Vec<u8>),
    Released(String),
    Unknown(String),
}

impl State {
    const fn tag(&self) -> u8 {
        match self {
            Self::InFlight { .. } => 1,
            Self::Done(_) => 2,
            Self::Released(_) => 3,
            Self::Unknown(_) => 4,
        }
    }
}

impl Entry {
    /// Law 4, whoever looks.
    pub(super) const fn state(&self, session: u64, now: Moment) -> RecordState {
        match self.state {
            State::InFlight { until, session: its, .. } if its == session && now < until => {
                RecordState::InFlight
            }
            State::InFlight { .. } | State::Unknown(_) => RecordState::Unknown,
            State::Done(_) => RecordState::Done,
            State::Released(_) => RecordState::Released,
        }
    }

    /// Whether an operator may have to look at it, now or later.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::InFlight { .. } | State::Unknown(_))
    }

    pub(super) fn held_by(&self, claim: Claim) -> bool {
        self.owner == Some(claim.owner) && self.fence == claim.fence
    }

    pub(super) fn record(&self, key: &str, session: u64, now: Moment) -> Record {
        let mut record = Record::new(key.to_owned(), self.state(session, now), self.fence);
        record.claims = self.claims;
        record.expires_in = Duration::from_nanos(self.expires.saturating_sub(now));
        match &self.state {
            State::InFlight { session: its, .. } if *its != session => {
                record.note = Some(OWNER_DIED.to_owned());
            }
            State::InFlight { until, .. } if *until <= now => {
                record.note = Some(LEASE_OVER.to_owned());
            }
            State::InFlight { .. } => {}
            State::Done(value) => record.value = Some(value.clone()),
            State::Released(note) | State::Unknown(note) => record.note = Some(note.clone()),
        }
        record
    }

    pub(super) fn encode(&self, key: &str) -> Vec<u8> {
        let (until, session, was_unknown) = match self.state {
            State::InFlight { until, session, was_unknown } => (until, session, was_unknown),
            _ => (0, 0, false),
        };
        let rest: &[u8] = match &self.state {
            State::InFlight { .. } => &[],
            State::Done(value) => value,
            State::Released(note) | State::Unknown(note) => note.as_bytes(),
        };
        let mut bytes = Vec::with_capacity(128 + rest.len());
        let has_owner = u8::from(self.owner.is_some());
        bytes.extend([VERSION, self.state.tag(), u8::from(was_unknown), has_owner]);
        bytes.extend(self.owner.map_or(0, |owner| owner.0).to_be_bytes());
        bytes.extend(self.fence.to_be_bytes());
        bytes.extend(self.claims.to_be_bytes());
        bytes.extend(crate::time::nanos(self.ttl).to_be_bytes());
        bytes.extend(until.to_be_bytes());
        bytes.extend(session.to_be_bytes());
        bytes.extend(self.expires.to_be_bytes());
        bytes.extend(self.due.to_be_bytes());
        bytes.push(u8::from(self.fingerprint.is_some()));
        bytes.extend(self.fingerprint.unwrap_or_default());
        bytes.extend(rest);
        let digest = digest(key, &bytes);
        bytes.extend(digest);
        bytes
    }

    pub(super) fn decode(key: &str, bytes: &[u8]) -> Result<Self, StoreError> {
        if let Some(version) = bytes.first().filter(|version| **version > VERSION) {
            let words = format!(
                "redb: a record has version {version}, this library knows {VERSION}; update the \
                 library"
            );
            return Err(StoreError::new(StoreErrorKind::Incompatible, words));
        }
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "redb: a record cannot be read");
        let (body, stored) = bytes.split_last_chunk::<DIGEST>().ok_or_else(corrupt)?;
        if *stored != digest(key, body) {
            return Err(corrupt());
        }
        Self::read(body).ok_or_else(corrupt)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (&[VERSION, tag, was_unknown, has_owner], rest) = body.split_first_chunk()? else {
            return None;
        };
        let (owner, rest) = rest.split_first_chunk()?;
        let (fence, rest) = rest.split_first_chunk()?;
        let (claims, rest) = rest.split_first_chunk()?;
        let (ttl, rest) = rest.split_first_chunk()?;
        let (until, rest) = rest.split_first_chunk()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (due, rest) = rest.split_first_chunk()?;
        let (&[has_fingerprint], rest) = rest.split_first_chunk()?;
        let (fingerprint, rest) = rest.split_first_chunk::<32>()?;
        let text = || String::from_utf8(rest.to_vec()).ok();
        let state = match tag {
            1 => State::InFlight {
                until: u64::from_be_bytes(*until),
                session: u64::from_be_bytes(*session),
                was_unknown: was_unknown == 1,
            },
            2 => State::Done(rest.to_vec()),
            3 => State::Released(text()?),
            4 => State::Unknown(text()?),
            _ => return None,
        };
        Some(Self {
            owner: (has_owner == 1).then_some(Owner(u128::from_be_bytes(*owner))),
            fence: u64::from_be_bytes(*fence),
            claims: u32::from_be_bytes(*claims),
            fingerprint: (has_fingerprint == 1).then_some(*fingerprint),
            ttl: Duration::from_nanos(u64::from_be_bytes(*ttl)),
            state,
            expires: u64::from_be_bytes(*expires),
            due: u64::from_be_bytes(*due),
        })
    }
}

fn digest(key: &str, body: &[u8]) -> [u8; DIGEST] {
    let mut hash = hmac_sha256::Hash::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(body);
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&hash.finalize()[..DIGEST]);
    digest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Entry, State, VERSION, digest};
    use crate::idempotency::store::{Owner, RecordState, StoreErrorKind};

    fn entries() -> Vec<Entry> {
        [
            State::InFlight { until: 7, session: 9, was_unknown: true },
            State::Done(vec![0, 255, 1]),
            State::Done(Vec::new()),
            State::Released("reset".to_owned()),
            State::Unknown("ä\0".to_owned()),
        ]
        .into_iter()
        .zip([None, Some([7; 32])].into_iter().cycle())
        .map(|(state, fingerprint)| Entry {
            owner: fingerprint.map(|_| Owner(u128::MAX - 1)),
            fence: u64::MAX,
            claims: 3,
            fingerprint,
            ttl: Duration::from_secs(60),
            state,
            expires: 12,
            due: 11,
        })
        .collect()
    }

    #[test]
    fn what_is_written_is_read() {
        for entry in entries() {
            assert_eq!(Entry::decode("key", &entry.encode("key")).unwrap(), entry);
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        for entry in entries() {
            let bytes = entry.encode("key");
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let error = Entry::decode("key", &changed).unwrap_err();
                let newer = changed[0] > VERSION;
                assert_eq!(error.kind() == StoreErrorKind::Incompatible, newer, "bit {bit}");
            }
            for end in 0..bytes.len() {
                assert!(Entry::decode("key", &bytes[..end]).is_err(), "cut at {end}");
            }
            assert!(Entry::decode("other", &bytes).is_err(), "it belongs to its key");
        }
    }

    #[test]
    fn a_record_of_a_newer_version_is_told_from_a_broken_one() {
        let mut bytes = vec![VERSION + 1, 1, 2, 3];
        let proof = digest("key", &bytes);
        bytes.extend(proof);
        let error = Entry::decode("key", &bytes).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    }

    #[test]
    fn a_lease_holds_until_its_end_and_in_its_session_alone() {
        let entry = &entries()[0];
        assert_eq!(entry.state(9, 6), RecordState::InFlight);
        assert_eq!(entry.state(9, 7), RecordState::Unknown);
        assert_eq!(entry.state(8, 6), RecordState::Unknown);
        assert!(entry.record("key", 8, 6).note.unwrap().contains("process"));
        assert!(entry.record("key", 9, 7).note.unwrap().contains("lease"));
        assert_eq!(entry.record("key", 9, 6).note, None);
    }
}
