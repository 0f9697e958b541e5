//! From rows to answers: what the statements return, read strictly. A row that cannot be what this
//! library wrote is an error, never a guess.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::FORMAT;
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, OnUnknown, Owner, Record, RecordState, StoreError,
    StoreErrorKind, Written,
};

/// What a statement came to.
pub(super) enum Step<T> {
    Answer(T),
    /// A lease has passed that nobody has written down yet: `lapse.sql`, and again.
    Lapsed,
    /// The record changed while the statement ran: again.
    Raced,
}

/// What a claim came to.
pub(super) fn claimed(row: &Row, request: &ClaimRequest<'_>) -> Result<Step<Claimed>, StoreError> {
    if let Some(fence) = column::<Option<i64>>(row, "new_fence")? {
        let claim = Claim { owner: request.owner, fence: unsigned(fence)? };
        let was_unknown = column(row, "new_took_unknown")?;
        return Ok(Step::Answer(Claimed::Owned { claim, was_unknown }));
    }
    let Some(seen) = Seen::of(row)?.filter(|seen| !seen.expired) else { return Ok(Step::Raced) };
    if column(row, "mismatch")? {
        return Ok(Step::Answer(Claimed::Mismatch));
    }
    let fence = seen.fence;
    let claims = column::<i64>(row, "claims")?;
    let too_often = || Claimed::TooOften { claims: u32::try_from(claims).unwrap_or(u32::MAX) };
    let spent = claims >= i64::from(request.max_claims);
    Ok(match seen.state {
        RecordState::Done => Step::Answer(Claimed::Done { value: column(row, "value")? }),
        RecordState::InFlight if seen.owner == Some(request.owner) => Step::Raced,
        RecordState::InFlight => {
            let left = column::<i64>(row, "lease_left")?.max(0).unsigned_abs();
            Step::Answer(Claimed::InFlight { fence, left: Duration::from_micros(left) })
        }
        RecordState::Unknown if request.on_unknown == OnUnknown::Hold => {
            seen.told(Claimed::Unknown { fence })
        }
        RecordState::Unknown if spent => seen.told(too_often()),
        RecordState::Released if spent => Step::Answer(too_often()),
        RecordState::Unknown | RecordState::Released => Step::Raced,
    })
}

/// How the write of an owner went.
pub(super) fn written(
    row: &Row,
    claim: Claim,
    target: RecordState,
) -> Result<Step<Written>, StoreError> {
    if column(row, "made")? {
        return Ok(Step::Answer(Written::Made));
    }
    let Some(seen) = Seen::of(row)?.filter(|seen| !seen.expired) else {
        return Ok(Step::Answer(Written::Lost { fence: None }));
    };
    let own = seen.owner == Some(claim.owner) && seen.fence == claim.fence;
    Ok(match seen.state {
        RecordState::InFlight if own => Step::Raced,
        RecordState::Unknown if seen.lapsed => seen.told(seen.lost()),
        state if own && state == target => Step::Answer(Written::Made),
        _ => Step::Answer(seen.lost()),
    })
}

/// The answer that the same claim has stored before, of a row of `write.sql`.
pub(super) fn stored_before(row: &Row) -> Option<Vec<u8>> {
    row.try_get("value").ok().flatten()
}

/// How an operator's decision went.
pub(super) fn resolved(row: &Row, fence: u64) -> Result<Step<Written>, StoreError> {
    if column(row, "made")? {
        return Ok(Step::Answer(Written::Made));
    }
    Ok(match Seen::of(row)?.filter(|seen| !seen.expired) {
        Some(seen) if seen.state == RecordState::Unknown && seen.fence == fence => Step::Raced,
        Some(seen) => seen.told(seen.lost()),
        None => Step::Answer(Written::Lost { fence: None }),
    })
}

/// A row of `peek.sql` or `unknowns.sql`.
pub(super) fn record(row: &Row) -> Result<Step<Record>, StoreError> {
    check_format(column(row, "format")?)?;
    if column(row, "lapsed")? {
        return Ok(Step::Lapsed);
    }
    let (key, state) = (column(row, "key")?, state(column(row, "state")?)?);
    let mut record = Record::new(key, state, unsigned(column(row, "fence")?)?);
    record.claims = u32::try_from(column::<i64>(row, "claims")?).unwrap_or(u32::MAX);
    record.value = column(row, "value")?;
    if state != RecordState::Done {
        record.note = column(row, "note")?;
    }
    record.expires_in =
        Duration::from_micros(column::<i64>(row, "expires_in")?.max(0).unsigned_abs());
    Ok(Step::Answer(record))
}

/// What in the row of `audit.sql` breaks a promise.
pub(super) fn weaknesses(row: &Row) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let mut say = |words: &str| faults.push(format!("postgres: {words}"));
    if !column::<bool>(row, "fsync")? {
        say("`fsync` is off: records do not survive the death of the machine");
    }
    if !column::<bool>(row, "full_page_writes")? {
        say("`full_page_writes` is off: a crash can leave torn pages");
    }
    let commit: String = column(row, "synchronous_commit")?;
    if commit == "off" {
        say("`synchronous_commit` is off: the last records may be missing after a crash");
    }
    if column(row, "standby")? {
        say("the server is a standby and refuses writes");
    }
    if column(row, "read_only")? {
        say("`default_transaction_read_only` is on: the server refuses writes");
    }
    if column::<Option<bool>>(row, "unlogged")?.unwrap_or(false) {
        say("the table `steadfast_idempotency` is unlogged: a crash empties it");
    }
    if column::<i32>(row, "version_number")? < 120_000 {
        let version: String = column(row, "version")?;
        say(&format!("the server's version {version} is older than 12"));
    }
    Ok(faults)
}

/// The record as a statement saw it when it began.
struct Seen {
    state: RecordState,
    /// Unknown because the lease is over, not because anybody said so.
    lapsed: bool,
    /// `None` when its lease passed or an operator decided.
    owner: Option<Owner>,
    fence: u64,
    expired: bool,
}

impl Seen {
    fn of(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(format) = column::<Option<i16>>(row, "format")? else { return Ok(None) };
        check_format(format)?;
        let stored = state(column(row, "state")?)?;
        let is_unknown: bool = column(row, "is_unknown")?;
        let owner = column::<Option<&[u8]>>(row, "owner")?.map(<[u8; 16]>::try_from);
        let owner =
            owner.transpose().map_err(|_| corrupt("an owner has another length than 16"))?;
        Ok(Some(Self {
            state: if is_unknown { RecordState::Unknown } else { stored },
            lapsed: is_unknown && stored == RecordState::InFlight,
            owner: owner.map(|bytes| Owner(u128::from_be_bytes(bytes))),
            fence: unsigned(column(row, "fence")?)?,
            expired: column(row, "expired")?,
        }))
    }
}

impl Seen {
    /// An answer that rests on a lease having passed is given when that is written down.
    fn told<T>(&self, answer: T) -> Step<T> {
        if self.lapsed { Step::Lapsed } else { Step::Answer(answer) }
    }

    fn lost(&self) -> Written {
        Written::Lost { fence: Some(self.fence) }
    }
}

/// How a state is written in the table.
pub(super) const fn word(state: RecordState) -> &'static str {
    match state {
        RecordState::InFlight => "in flight",
        RecordState::Done => "done",
        RecordState::Released => "released",
        RecordState::Unknown => "unknown",
    }
}

fn state(stored: &str) -> Result<RecordState, StoreError> {
    [RecordState::InFlight, RecordState::Done, RecordState::Released, RecordState::Unknown]
        .into_iter()
        .find(|state| word(*state) == stored)
        .ok_or_else(|| corrupt("a record is in a state that there is not"))
}

fn check_format(format: i16) -> Result<(), StoreError> {
    if format > FORMAT {
        let words = format!(
            "postgres: a record has format {format}, this library knows {FORMAT}; update the library"
        );
        return Err(StoreError::new(StoreErrorKind::Incompatible, words));
    }
    if format < FORMAT { Err(corrupt("a record has a format that there is not")) } else { Ok(()) }
}

fn unsigned(fence: i64) -> Result<u64, StoreError> {
    u64::try_from(fence).map_err(|_| corrupt("a fence is negative"))
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, name: &str) -> Result<T, StoreError> {
    row.try_get(name).map_err(|_| corrupt(&format!("the column `{name}` cannot be read")))
}

pub(super) fn corrupt(words: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("postgres: {words}"))
}
