//! The laws of the store on the tables of one transaction. Knows no clock, no thread and no file: `now`
//! and the session come in.

use std::ops::Bound;
use std::time::Duration;

use ::redb::{ReadableTable as _, Table, TableDefinition, WriteTransaction};

use super::errors::store_error;
use super::record::{Entry, Moment, State};
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, OnUnknown, Record, RecordState, Resolution, StoreError,
    StoreErrorKind, Written,
};
use crate::idempotency::words::NOT_DONE;
use crate::time::nanos;

const RECORDS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("steadfast_records");
/// Keys of records that are in flight or unknown. The first become the second by time alone.
const OPEN: TableDefinition<'static, &str, ()> = TableDefinition::new("steadfast_open");
/// When a sweep has to look at each record.
const DUE: TableDefinition<'static, (u64, &str), ()> = TableDefinition::new("steadfast_due");
const META: TableDefinition<'static, &str, u64> = TableDefinition::new("steadfast_meta");

/// The version of the tables.
const LAYOUT: u64 = 1;
/// Records that one step of a sweep looks at.
pub(super) const SWEPT_AT_ONCE: usize = 256;

type Result<T> = std::result::Result<T, Failure>;

/// Why an operation failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Of one record: what else is in the transaction may be committed.
    Record(StoreError),
    /// Of the file: nothing may.
    File(StoreError),
}

impl Failure {
    /// For where there is no record yet.
    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Record(error) | Self::File(error) => error,
        }
    }
}

impl From<redb::StorageError> for Failure {
    fn from(error: redb::StorageError) -> Self {
        Self::File(store_error(error.into()))
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Self {
        Self::File(store_error(error.into()))
    }
}

/// The tables of a transaction, with the time it is.
pub(super) struct Tables<'t> {
    records: Table<'t, &'static str, &'static [u8]>,
    open: Table<'t, &'static str, ()>,
    due: Table<'t, (u64, &'static str), ()>,
    pub(super) session: u64,
    pub(super) now: Moment,
    /// Whether there is something to commit.
    pub(super) changed: bool,
}

/// Where a sweep stands.
pub(super) type Cursor = Option<(u64, String)>;

/// Makes the tables of a new file, and refuses those of a newer library.
pub(super) fn prepare(transaction: &WriteTransaction) -> Result<()> {
    let mut meta = transaction.open_table(META)?;
    let found = meta.get("layout")?.map(|version| version.value());
    match found {
        Some(LAYOUT) => {}
        None => {
            meta.insert("layout", LAYOUT)?;
        }
        Some(newer) => {
            let words = format!(
                "redb: the file has layout {newer}, this library knows {LAYOUT}; update the library"
            );
            return Err(Failure::File(StoreError::new(StoreErrorKind::Incompatible, words)));
        }
    }
    transaction.open_table(RECORDS)?;
    transaction.open_table(OPEN)?;
    transaction.open_table(DUE)?;
    Ok(())
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, session: u64) -> Result<Self> {
        Ok(Self {
            records: transaction.open_table(RECORDS)?,
            open: transaction.open_table(OPEN)?,
            due: transaction.open_table(DUE)?,
            session,
            now: 0,
            changed: false,
        })
    }

    /// The record as it is stored, expired or not.
    fn stored(&self, key: &str) -> Result<Option<Entry>> {
        match self.records.get(key)? {
            Some(bytes) => Entry::decode(key, bytes.value()).map(Some).map_err(Failure::Record),
            None => Ok(None),
        }
    }

    fn live(&self, key: &str) -> Result<Option<Entry>> {
        Ok(self.stored(key)?.filter(|entry| self.now < entry.expires))
    }

    fn put(&mut self, key: &str, before: Option<&Entry>, mut entry: Entry) -> Result<()> {
        self.changed = true;
        entry.due = entry.due.min(entry.expires);
        let was_due = before.map(|before| before.due);
        if was_due != Some(entry.due) {
            if let Some(was_due) = was_due {
                self.due.remove((was_due, key))?;
            }
            self.due.insert((entry.due, key), ())?;
        }
        match (before.is_some_and(Entry::is_open), entry.is_open()) {
            (false, true) => drop(self.open.insert(key, ())?),
            (true, false) => drop(self.open.remove(key)?),
            _ => {}
        }
        self.records.insert(key, entry.encode(key).as_slice())?;
        Ok(())
    }

    fn after(&self, duration: Duration) -> Moment {
        self.now.saturating_add(nanos(duration))
    }

    pub(super) fn claim(&mut self, request: &ClaimRequest<'_>) -> Result<Claimed> {
        let before = self.stored(request.key)?;
        let until = self.after(request.lease);
        let mut entry = Entry {
            owner: Some(request.owner),
            fence: before.as_ref().map_or(0, |before| before.fence).saturating_add(1),
            claims: 1,
            fingerprint: request.fingerprint,
            ttl: request.ttl,
            state: State::InFlight { until, session: self.session, was_unknown: false },
            expires: until.saturating_add(nanos(request.ttl)),
            // The earliest that an answer may expire.
            due: self.after(request.ttl),
        };
        // Of a record that has expired nothing is left but its fence.
        if let Some(known) = before.as_ref().filter(|before| self.now < before.expires) {
            if let (Some(asked), Some(first)) = (request.fingerprint, known.fingerprint)
                && asked != first
            {
                return Ok(Claimed::Mismatch);
            }
            entry.fingerprint = request.fingerprint.or(known.fingerprint);
            entry.claims = known.claims.saturating_add(1);
            let was_unknown = match (known.state(self.session, self.now), &known.state) {
                (_, State::Done(value)) => return Ok(Claimed::Done { value: value.clone() }),
                (RecordState::InFlight, State::InFlight { was_unknown, .. })
                    if known.owner == Some(request.owner) =>
                {
                    // The answer to the same claim was lost: it is the same claim.
                    (entry.fence, entry.claims) = (known.fence, known.claims);
                    *was_unknown
                }
                (RecordState::InFlight, State::InFlight { until, .. }) => {
                    let left = Duration::from_nanos(until.saturating_sub(self.now));
                    return Ok(Claimed::InFlight { fence: known.fence, left });
                }
                (RecordState::Unknown, _) if request.on_unknown == OnUnknown::Hold => {
                    return Ok(Claimed::Unknown { fence: known.fence });
                }
                (state, _) if known.claims < request.max_claims => state == RecordState::Unknown,
                _ => return Ok(Claimed::TooOften { claims: known.claims }),
            };
            entry.state = State::InFlight { until, session: self.session, was_unknown };
        }
        let claim = Claim { owner: request.owner, fence: entry.fence };
        let was_unknown = matches!(entry.state, State::InFlight { was_unknown: true, .. });
        self.put(request.key, before.as_ref(), entry)?;
        Ok(Claimed::Owned { claim, was_unknown })
    }

    pub(super) fn renew(&mut self, key: &str, claim: Claim, lease: Duration) -> Result<Written> {
        let until = self.after(lease);
        self.write(key, claim, |entry| {
            if let State::InFlight { until: held, .. } = &mut entry.state {
                *held = until;
            }
            entry.expires = until.saturating_add(nanos(entry.ttl));
        })
    }

    pub(super) fn complete(
        &mut self,
        key: &str,
        claim: Claim,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<Written> {
        let expires = self.after(ttl);
        self.settle(key, claim, State::Done(value), Some((ttl, expires)))
    }

    pub(super) fn release(&mut self, key: &str, claim: Claim, note: String) -> Result<Written> {
        self.settle(key, claim, State::Released(note), None)
    }

    pub(super) fn mark_unknown(
        &mut self,
        key: &str,
        claim: Claim,
        note: String,
    ) -> Result<Written> {
        self.settle(key, claim, State::Unknown(note), None)
    }

    /// Ends a claim, or finds that it has ended this way before (law 8).
    fn settle(
        &mut self,
        key: &str,
        claim: Claim,
        state: State,
        kept: Option<(Duration, Moment)>,
    ) -> Result<Written> {
        let repeated = self.live(key)?.is_some_and(|entry| {
            entry.held_by(claim)
                && std::mem::discriminant(&entry.state) == std::mem::discriminant(&state)
        });
        if repeated {
            return Ok(Written::Made);
        }
        let now = self.now;
        self.write(key, claim, |entry| {
            let (ttl, expires) = kept.unwrap_or((entry.ttl, now.saturating_add(nanos(entry.ttl))));
            (entry.ttl, entry.expires, entry.state) = (ttl, expires, state);
        })
    }

    /// Changes the record in flight that a claim still holds.
    fn write(
        &mut self,
        key: &str,
        claim: Claim,
        change: impl FnOnce(&mut Entry),
    ) -> Result<Written> {
        let Some(before) = self.live(key)? else { return Ok(Written::Lost { fence: None }) };
        let in_flight = before.state(self.session, self.now) == RecordState::InFlight;
        if !before.held_by(claim) || !in_flight {
            return Ok(Written::Lost { fence: Some(before.fence) });
        }
        let mut entry = before.clone();
        change(&mut entry);
        self.put(key, Some(&before), entry)?;
        Ok(Written::Made)
    }

    pub(super) fn peek(&self, key: &str) -> Result<Option<Record>> {
        Ok(self.live(key)?.map(|entry| entry.record(key, self.session, self.now)))
    }

    pub(super) fn unknowns(&self, after: Option<&str>, most: usize) -> Result<Vec<Record>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = Vec::new();
        for open in self.open.range::<&str>((from, Bound::Unbounded))? {
            if found.len() >= most {
                break;
            }
            let open = open?.0;
            // One that cannot be read is told of by `peek`; it must not hide the others.
            let Ok(Some(entry)) = self.live(open.value()) else { continue };
            if entry.state(self.session, self.now) == RecordState::Unknown {
                found.push(entry.record(open.value(), self.session, self.now));
            }
        }
        Ok(found)
    }

    pub(super) fn resolve(
        &mut self,
        key: &str,
        fence: u64,
        resolution: Resolution,
    ) -> Result<Written> {
        let Some(before) = self.live(key)? else { return Ok(Written::Lost { fence: None }) };
        let unknown = before.state(self.session, self.now) == RecordState::Unknown;
        if before.fence != fence || !unknown {
            return Ok(Written::Lost { fence: Some(before.fence) });
        }
        let mut entry = before.clone();
        entry.owner = None;
        entry.expires = self.after(entry.ttl);
        entry.state = match resolution {
            Resolution::Done(value) => State::Done(value),
            Resolution::NotDone => {
                entry.claims = 0;
                State::Released(NOT_DONE.to_owned())
            }
        };
        self.put(key, Some(&before), entry)?;
        Ok(Written::Made)
    }

    /// Looks at some of the records that are due, behind the cursor, and removes them; also says where
    /// the next step begins, if there is one.
    pub(super) fn sweep(&mut self, from: &Cursor) -> Result<(u64, Cursor)> {
        let begin = match from {
            Some((due, key)) => Bound::Excluded((*due, key.as_str())),
            None => Bound::Unbounded,
        };
        let end = (self.now.saturating_add(1), "");
        let mut due = Vec::new();
        let range = self.due.range::<(u64, &str)>((begin, Bound::Excluded(end)))?;
        for entry in range.take(SWEPT_AT_ONCE) {
            let key = entry?.0;
            let (moment, key) = key.value();
            due.push((moment, key.to_owned()));
        }
        let mut removed = 0;
        for (moment, key) in &due {
            // One that cannot be read is nobody's to forget.
            let Ok(entry) = self.stored(key) else { continue };
            match entry.filter(|entry| entry.due == *moment) {
                Some(entry) if self.now < entry.expires => {
                    let later = Entry { due: entry.expires, ..entry.clone() };
                    self.put(key, Some(&entry), later)?;
                    continue;
                }
                Some(_) => {
                    self.records.remove(key.as_str())?;
                    self.open.remove(key.as_str())?;
                    removed += 1;
                }
                // Put elsewhere since.
                None => {}
            }
            self.changed = true;
            self.due.remove((*moment, key.as_str()))?;
        }
        let next = (due.len() == SWEPT_AT_ONCE).then(|| due.pop()).flatten();
        Ok((removed, next))
    }
}
