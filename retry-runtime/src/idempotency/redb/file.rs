//! The file of a store: made for its owner alone, opened by one, and what is wrong when it is not.

use std::fs::{File, OpenOptions, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use ::redb::{Builder, Database, DatabaseError};

use super::errors::store_error;
use super::tables::{Failure, prepare};
use crate::idempotency::store::{StoreError, StoreErrorKind};
use crate::time::Timestamp;

/// What is held of the file in memory at most; records are small and mostly new.
const CACHE: usize = 64 << 20;

/// What is known when a store is opened, and stays so.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) path: PathBuf,
    /// Drawn at random: tells this store's leases from those of whoever had the file before.
    pub(super) session: u64,
    pub(super) calendar: Duration,
    pub(super) now: Timestamp,
    /// A disk that fails, or is slow.
    #[cfg(test)]
    pub(super) disk: Option<super::tests::Disk>,
}

/// Opens the file, or makes it. While somebody else has it, `wait` says whether to try again.
pub(super) fn open(opening: &Opening, wait: impl Fn() -> bool) -> Result<Database, StoreError> {
    loop {
        match attempt(opening) {
            Err(DatabaseError::DatabaseAlreadyOpen) if wait() => {}
            Err(error) => {
                let found = store_error(error.into());
                let words = format!("{found} ({})", opening.path.display());
                return Err(StoreError::new(found.kind(), words));
            }
            Ok(database) => {
                let transaction = database.begin_write().map_err(|e| store_error(e.into()))?;
                prepare(&transaction).map_err(Failure::into_error)?;
                transaction.commit().map_err(|e| store_error(e.into()))?;
                return Ok(database);
            }
        }
    }
}

fn attempt(opening: &Opening) -> Result<Database, DatabaseError> {
    #[cfg(test)]
    if let Some(disk) = &opening.disk {
        return disk.database(&Builder::new());
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    // Stored answers are nobody else's to read.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&opening.path)?;
    if file.metadata()?.len() == 0 {
        sync_folder(opening);
    }
    // A file that is no database makes redb panic in places.
    let opened =
        catch_unwind(AssertUnwindSafe(|| Builder::new().set_cache_size(CACHE).create_file(file)));
    opened.unwrap_or_else(|_| {
        let words = "the file is no database, or a broken one".to_owned();
        Err(DatabaseError::Storage(redb::StorageError::Corrupted(words)))
    })
}

/// A new file survives the death of the machine only when its name does. Where a folder cannot be
/// synced, as on Windows, the system does it.
fn sync_folder(opening: &Opening) {
    let folder = opening.path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let _ = File::open(folder.unwrap_or(".".as_ref())).and_then(|folder| folder.sync_all());
}

/// Whether the lock that tells the living from the dead is one, on this file system.
pub(super) fn lock_fault(opening: &Opening) -> Result<Option<String>, StoreError> {
    let file = File::open(&opening.path).map_err(|error| {
        let words = format!("redb: {}: {error}", opening.path.display());
        StoreError::new(StoreErrorKind::Unavailable, words)
    })?;
    Ok(match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(error)) => Some(format!(
            "redb: the file system has no file locks ({error}): two processes could open the file \
             at once"
        )),
        Ok(()) => Some(
            "redb: the file at the store's path is not the one that is open, or its lock does not \
             hold"
                .to_owned(),
        ),
    })
}
