//! An effect in the same database and the record of it as one commit.

use std::fmt;
use std::time::Duration;

use tokio_postgres::Transaction;

use super::rows::{Step, stored_before, written};
use super::{OwnersWrite, PostgresStore, RACES, WRITE};
use crate::classify::{Classification, Classify};
use crate::idempotency::envelope::{self, Kind, Storable};
use crate::idempotency::own;
use crate::idempotency::store::{Claim, IdempotencyStore as _, RecordState, Written};

/// Marks a record whose answer was committed with its effect: `renew.sql` looks at it.
const IN_A_TRANSACTION: &str = "in a transaction";

/// How the write within a transaction went.
pub(super) enum Completed {
    Now,
    /// The claim had its answer before: these bytes.
    Before(Vec<u8>),
    Lost {
        fence: Option<u64>,
    },
}

pub(super) async fn complete(
    transaction: &Transaction<'_>,
    key: &str,
    claim: Claim,
    value: &[u8],
    ttl: Duration,
) -> Result<Completed, tokio_postgres::Error> {
    let mut write = OwnersWrite::done(key, claim, value, ttl);
    write.note = Some(IN_A_TRANSACTION.to_owned());
    for _ in 0..RACES {
        let row = transaction.query_typed_one(WRITE, &write.arguments()).await?;
        if let Some(before) = stored_before(&row) {
            return Ok(Completed::Before(before));
        }
        match written(&row, claim, RecordState::Done) {
            Ok(Step::Answer(Written::Made)) => return Ok(Completed::Now),
            Ok(Step::Answer(Written::Lost { fence })) => return Ok(Completed::Lost { fence }),
            Ok(Step::Lapsed) => return Ok(Completed::Lost { fence: Some(claim.fence) }),
            Ok(Step::Raced) => {}
            // A record that cannot be read is nobody's claim.
            Err(_) => break,
        }
    }
    Ok(Completed::Lost { fence: None })
}

pub(super) async fn commit<T: Storable>(
    store: &PostgresStore,
    transaction: Transaction<'_>,
    value: T,
) -> Result<T, CommitError> {
    let running = own::running_in(store.identity(), store.name());
    let running = running.ok_or(CommitError::OutsideOfACall)?;
    // Without a claim the store was down when the call began, and the body runs all the same: there
    // is no record that could be written.
    let Some(claim) = running.claim else {
        transaction.commit().await?;
        return Ok(value);
    };
    let bytes = envelope::store(Kind::Value, running.version, &value)
        .map_err(CommitError::CannotBeStored)?;
    let key = &running.place.2;
    match complete(&transaction, key, claim, &bytes, running.ttl).await? {
        Completed::Now => {
            transaction.commit().await?;
            Ok(value)
        }
        Completed::Before(bytes) => {
            transaction.rollback().await?;
            envelope::open(running.version, &bytes)
                .ok()
                .filter(|(kind, _)| *kind == Kind::Value)
                .and_then(|(_, bytes)| serde_json::from_slice(bytes).ok())
                .ok_or_else(|| CommitError::CannotBeStored("it is of another type".to_owned()))
        }
        Completed::Lost { fence: current } => {
            transaction.rollback().await?;
            Err(CommitError::Lost { fence: claim.fence, current })
        }
    }
}

/// Why [`PostgresStore::commit`] committed nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommitError {
    /// It was not called in the body of an idempotent function that uses this store, or in a task that
    /// the body has spawned.
    OutsideOfACall,
    /// The value cannot be stored: too large, or not to be read back.
    CannotBeStored(String),
    /// The claim was lost: its lease has passed, or somebody else has taken the key over.
    Lost {
        /// The fence of the claim.
        fence: u64,
        /// The fence that the record has now, where there is one.
        current: Option<u64>,
    },
    /// An error of the database. One of the commit itself leaves open whether it was made.
    Postgres(tokio_postgres::Error),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideOfACall => f.write_str(
                "`commit` belongs in the body of an idempotent function with the same store",
            ),
            Self::CannotBeStored(why) => write!(f, "the answer cannot be stored: {why}"),
            Self::Lost { fence, current: None } => write!(f, "the claim {fence} was lost"),
            Self::Lost { fence, current: Some(current) } => {
                write!(f, "the claim {fence} was lost; the record is at {current}")
            }
            Self::Postgres(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Postgres(error) => error.source(),
            _ => None,
        }
    }
}

impl From<tokio_postgres::Error> for CommitError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

/// An error of the database by its SQLSTATE; everything else stays as it is.
impl Classify for CommitError {
    fn classify(&self) -> Classification {
        match self {
            Self::Postgres(error) => error.classify(),
            _ => Classification::permanent(),
        }
    }
}
