//! The records of a [`MemoryStore`](super::MemoryStore): the laws of the store as one data structure.
//!
//! Knows neither a clock nor a lock: `now` comes in with every operation.

mod entry;
mod room;
#[cfg(test)]
mod tests;

pub(super) use room::Swept;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use super::store::{
    Claim, ClaimRequest, Claimed, OnUnknown, Record, RecordState, Resolution, StoreError, Written,
};
use super::words::NOT_DONE;
use crate::time::Timestamp;
use entry::{Entry, State, cost};
use room::STEP;

#[derive(Debug)]
pub(super) struct Table {
    records: HashMap<Arc<str>, Entry>,
    /// When to look at a record again. A record has one entry that counts, the one with its `due`.
    due: BinaryHeap<Reverse<(Timestamp, Arc<str>)>>,
    bytes: usize,
    max_records: usize,
    max_bytes: usize,
}

impl Table {
    pub(super) fn new(max_records: usize, max_bytes: usize) -> Self {
        Self { records: HashMap::new(), due: BinaryHeap::new(), bytes: 0, max_records, max_bytes }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn contains(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    /// Entries that wait to be looked at.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    #[cfg(test)]
    pub(super) fn forget(&mut self, key: &str) {
        self.records.remove(key);
    }

    /// The record of a key that has not expired.
    fn live(&self, key: &str, now: Timestamp) -> Option<&Entry> {
        self.records.get(key).filter(|entry| now < entry.expires)
    }

    pub(super) fn claim(
        &mut self,
        request: &ClaimRequest<'_>,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let until = now.saturating_add(request.lease);
        let expires = until.saturating_add(request.ttl);
        let Some(entry) = self.records.get_mut(request.key) else {
            return self.insert(request, until, expires, now);
        };
        let mut was_unknown = false;
        if now < entry.expires {
            if let (Some(asked), Some(known)) = (request.fingerprint, entry.fingerprint)
                && asked != known
            {
                return Ok(Claimed::Mismatch);
            }
            match (&mut entry.state, entry.owner == Some(request.owner)) {
                (State::Done(value), _) => return Ok(Claimed::Done { value: value.clone() }),
                // The answer to the same claim was lost.
                (State::InFlight { until: held, was_unknown }, true) if now < *held => {
                    *held = until;
                    entry.expires = expires;
                    let claim = Claim { owner: request.owner, fence: entry.fence };
                    return Ok(Claimed::Owned { claim, was_unknown: *was_unknown });
                }
                (State::InFlight { until, .. }, _) if now < *until => {
                    let left = until.saturating_since(now);
                    return Ok(Claimed::InFlight { fence: entry.fence, left });
                }
                (State::InFlight { .. } | State::Unknown(_), _) => {
                    if request.on_unknown == OnUnknown::Hold {
                        return Ok(Claimed::Unknown { fence: entry.fence });
                    }
                    was_unknown = true;
                }
                (State::Released(_), _) => {}
            }
            if entry.claims >= request.max_claims {
                return Ok(Claimed::TooOften { claims: entry.claims });
            }
        } else {
            // Nothing is left of it but its fence.
            entry.claims = 0;
            entry.fingerprint = None;
        }
        let before = cost(request.key, entry.size());
        entry.owner = Some(request.owner);
        entry.fence += 1;
        entry.claims = entry.claims.saturating_add(1);
        entry.fingerprint = request.fingerprint.or(entry.fingerprint);
        entry.ttl = request.ttl;
        entry.state = State::InFlight { until, was_unknown };
        let claim = Claim { owner: request.owner, fence: entry.fence };
        self.bytes = self.bytes.saturating_sub(before).saturating_add(cost(request.key, 0));
        self.expire(request.key, expires);
        Ok(Claimed::Owned { claim, was_unknown })
    }

    fn insert(
        &mut self,
        request: &ClaimRequest<'_>,
        until: Timestamp,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.sweep(now, STEP);
        self.make_room(1, cost(request.key, 0), now)?;
        self.bytes += cost(request.key, 0);
        let key: Arc<str> = Arc::from(request.key);
        self.due.push(Reverse((expires, Arc::clone(&key))));
        let entry = Entry {
            owner: Some(request.owner),
            fence: 1,
            claims: 1,
            fingerprint: request.fingerprint,
            ttl: request.ttl,
            state: State::InFlight { until, was_unknown: false },
            expires,
            due: expires,
        };
        self.records.insert(key, entry);
        let claim = Claim { owner: request.owner, fence: 1 };
        Ok(Claimed::Owned { claim, was_unknown: false })
    }

    fn lost(&self, key: &str, now: Timestamp) -> Written {
        Written::Lost { fence: self.live(key, now).map(|entry| entry.fence) }
    }

    /// The record that a claim still holds.
    fn held(&self, key: &str, claim: Claim, now: Timestamp) -> Option<&Entry> {
        let entry = self.live(key, now)?;
        (entry.held_by(claim) && entry.state(now) == RecordState::InFlight).then_some(entry)
    }

    pub(super) fn renew(
        &mut self,
        key: &str,
        claim: Claim,
        lease: Duration,
        now: Timestamp,
    ) -> Written {
        let Some(ttl) = self.held(key, claim, now).map(|entry| entry.ttl) else {
            return self.lost(key, now);
        };
        let until = now.saturating_add(lease);
        if let Some(entry) = self.records.get_mut(key)
            && let State::InFlight { until: held, .. } = &mut entry.state
        {
            *held = until;
        }
        self.expire(key, until.saturating_add(ttl));
        Written::Made
    }

    pub(super) fn complete(
        &mut self,
        key: &str,
        claim: Claim,
        value: &[u8],
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        if self.held(key, claim, now).is_none() {
            return Ok(self.repeated(key, claim, now, |state| matches!(state, State::Done(_))));
        }
        let more = cost(key, value.len()) - cost(key, 0);
        if more > 0 {
            self.make_room(0, more, now)?;
        }
        self.settle(key, State::Done(value.to_vec()), now.saturating_add(ttl));
        Ok(Written::Made)
    }

    pub(super) fn release(
        &mut self,
        key: &str,
        claim: Claim,
        note: &str,
        now: Timestamp,
    ) -> Written {
        self.end(key, claim, State::Released(note.to_owned()), now)
    }

    pub(super) fn mark_unknown(
        &mut self,
        key: &str,
        claim: Claim,
        note: &str,
        now: Timestamp,
    ) -> Written {
        self.end(key, claim, State::Unknown(note.to_owned()), now)
    }

    /// Ends a claim without an answer.
    fn end(&mut self, key: &str, claim: Claim, state: State, now: Timestamp) -> Written {
        let Some(ttl) = self.held(key, claim, now).map(|entry| entry.ttl) else {
            return self
                .repeated(key, claim, now, |made| discriminant(made) == discriminant(&state));
        };
        self.settle(key, state, now.saturating_add(ttl));
        Written::Made
    }

    /// Law 8: a write that was made answers again as it did.
    fn repeated(
        &self,
        key: &str,
        claim: Claim,
        now: Timestamp,
        made: impl FnOnce(&State) -> bool,
    ) -> Written {
        match self.live(key, now) {
            Some(entry) if entry.held_by(claim) && made(&entry.state) => Written::Made,
            _ => self.lost(key, now),
        }
    }

    fn settle(&mut self, key: &str, state: State, expires: Timestamp) {
        if let Some(entry) = self.records.get_mut(key) {
            let before = cost(key, entry.size());
            entry.state = state;
            self.bytes = self.bytes.saturating_sub(before).saturating_add(cost(key, entry.size()));
        }
        self.expire(key, expires);
    }

    pub(super) fn peek(&self, key: &str, now: Timestamp) -> Option<Record> {
        self.live(key, now).map(|entry| entry.record(key, now))
    }

    pub(super) fn unknowns(&self, after: Option<&str>, most: usize, now: Timestamp) -> Vec<Record> {
        let mut found: Vec<_> = self
            .records
            .iter()
            .filter(|(key, entry)| {
                now < entry.expires
                    && after.is_none_or(|after| ***key > *after)
                    && entry.state(now) == RecordState::Unknown
            })
            .collect();
        found.sort_unstable_by_key(|(key, _)| Arc::clone(key));
        found.truncate(most);
        found.into_iter().map(|(key, entry)| entry.record(key, now)).collect()
    }

    pub(super) fn resolve(
        &mut self,
        key: &str,
        fence: u64,
        resolution: Resolution,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let Some(entry) = self.live(key, now) else { return Ok(self.lost(key, now)) };
        if entry.fence != fence || entry.state(now) != RecordState::Unknown {
            return Ok(self.lost(key, now));
        }
        let (expires, held) = (now.saturating_add(entry.ttl), entry.size());
        let state = match resolution {
            Resolution::Done(value) => {
                let more = cost(key, value.len()).saturating_sub(cost(key, held));
                if more > 0 {
                    self.make_room(0, more, now)?;
                }
                State::Done(value)
            }
            Resolution::NotDone => {
                if let Some(entry) = self.records.get_mut(key) {
                    entry.claims = 0;
                }
                State::Released(NOT_DONE.to_owned())
            }
        };
        if let Some(entry) = self.records.get_mut(key) {
            entry.owner = None;
        }
        self.settle(key, state, expires);
        Ok(Written::Made)
    }
}
