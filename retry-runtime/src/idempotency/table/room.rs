//! When records expire and how they go, and whether there is room for another one.

use std::cmp::Reverse;
use std::sync::Arc;

use super::Table;
use super::entry::cost;
use crate::idempotency::store::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// Records that one insertion looks at to make room.
pub(super) const STEP: usize = 4;

/// What a step of sweeping did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::idempotency) enum Swept {
    /// No record was due.
    NothingDue,
    /// So many records are gone.
    Removed(u64),
}

impl Table {
    /// Expired records go, and nothing else.
    pub(super) fn make_room(
        &mut self,
        records: usize,
        bytes: usize,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        while self.records.len().saturating_add(records) > self.max_records
            || self.bytes.saturating_add(bytes) > self.max_bytes
        {
            if self.sweep(now, STEP) == Swept::NothingDue {
                return Err(StoreError::new(
                    StoreErrorKind::Full,
                    format!(
                        "the memory store is full: {} records of {} bytes, and none has expired",
                        self.records.len(),
                        self.bytes
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Sets when a record expires, and sees to it that somebody looks then.
    pub(super) fn expire(&mut self, key: &str, expires: Timestamp) {
        let Some((key, _)) = self.records.get_key_value(key) else { return };
        let key = Arc::clone(key);
        if let Some(entry) = self.records.get_mut(&key) {
            entry.expires = expires;
            // A later moment is found out when the earlier one comes.
            if expires < entry.due {
                entry.due = expires;
                self.due.push(Reverse((expires, key)));
            }
        }
    }

    /// Looks at up to `most` records that are due and removes those that have expired.
    pub(in crate::idempotency) fn sweep(&mut self, now: Timestamp, most: usize) -> Swept {
        let mut removed = 0;
        for looked in 0..most {
            if self.due.peek().is_none_or(|Reverse((due, _))| *due > now) {
                return if looked == 0 { Swept::NothingDue } else { Swept::Removed(removed) };
            }
            let Some(Reverse((due, key))) = self.due.pop() else { break };
            match self.records.get_mut(&key) {
                Some(entry) if entry.due == due && entry.expires <= now => {
                    self.bytes = self.bytes.saturating_sub(cost(&key, entry.size()));
                    self.records.remove(&key);
                    removed += 1;
                }
                Some(entry) if entry.due == due => {
                    entry.due = entry.expires;
                    self.due.push(Reverse((entry.due, key)));
                }
                // Something earlier was put in its place.
                _ => {}
            }
        }
        Swept::Removed(removed)
    }
}
