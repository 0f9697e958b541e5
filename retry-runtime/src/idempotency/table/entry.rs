//! One record: what is known of it, what it tells, and what it is counted as.

use std::time::Duration;

use crate::idempotency::store::{Claim, Owner, Record, RecordState};
use crate::idempotency::words::LEASE_OVER;
use crate::time::Timestamp;

/// What a record is counted as at least, beside its key: the maps' own share, and enough that a
/// record without a value can always be completed with a short one.
const OVERHEAD: usize = 256;

#[derive(Debug)]
pub(super) struct Entry {
    /// Nobody, once an operator has decided: what was decided is not what the owner wrote.
    pub(super) owner: Option<Owner>,
    pub(super) fence: u64,
    pub(super) claims: u32,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) ttl: Duration,
    pub(super) state: State,
    /// Of the record; in flight, of what it becomes when the lease ends.
    pub(super) expires: Timestamp,
    pub(super) due: Timestamp,
}

#[derive(Debug)]
pub(super) enum State {
    InFlight { until: Timestamp, was_unknown: bool },
    Done(Vec<u8>),
    Released(String),
    Unknown(String),
}

impl Entry {
    /// Law 4, whoever looks.
    pub(super) fn state(&self, now: Timestamp) -> RecordState {
        match self.state {
            State::InFlight { until, .. } if now < until => RecordState::InFlight,
            State::InFlight { .. } | State::Unknown(_) => RecordState::Unknown,
            State::Done(_) => RecordState::Done,
            State::Released(_) => RecordState::Released,
        }
    }

    pub(super) fn size(&self) -> usize {
        match &self.state {
            State::InFlight { .. } => 0,
            State::Done(value) => value.len(),
            State::Released(note) | State::Unknown(note) => note.len(),
        }
    }

    pub(super) fn held_by(&self, claim: Claim) -> bool {
        self.owner == Some(claim.owner) && self.fence == claim.fence
    }

    pub(super) fn record(&self, key: &str, now: Timestamp) -> Record {
        let mut record = Record::new(key.to_owned(), self.state(now), self.fence);
        record.claims = self.claims;
        record.expires_in = self.expires.saturating_since(now);
        match &self.state {
            State::InFlight { .. } if record.state == RecordState::Unknown => {
                record.note = Some(LEASE_OVER.to_owned());
            }
            State::InFlight { .. } => {}
            State::Done(value) => record.value = Some(value.clone()),
            State::Released(note) | State::Unknown(note) => record.note = Some(note.clone()),
        }
        record
    }
}

/// Bytes that a record counts for, with `size` bytes beside its key.
pub(super) fn cost(key: &str, size: usize) -> usize {
    key.len().saturating_add(size.max(OVERHEAD))
}
