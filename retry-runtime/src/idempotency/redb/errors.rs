//! What an error of the file means to a caller of the store.

use std::io;

use ::redb::Error;

use crate::idempotency::store::{StoreError, StoreErrorKind};

#[expect(clippy::needless_pass_by_value, reason = "it is the end of the error's way")]
pub(super) fn store_error(error: Error) -> StoreError {
    use StoreErrorKind::{Corrupt, InUse, Incompatible, Refused, Unavailable};
    if matches!(error, Error::DatabaseAlreadyOpen) {
        let words = "redb: another process, or another store of this one, has the file open: \
                     within a process share one store by cloning it; for several processes use \
                     `RedisStore` or `PostgresStore`; if it is a process that is ending, try again";
        return StoreError::new(InUse, words);
    }
    let kind = match &error {
        Error::Io(error) => of_io(error),
        Error::Corrupted(_) | Error::RepairAborted => Corrupt,
        Error::UpgradeRequired(_) | Error::TableTypeMismatch { .. } => Incompatible,
        Error::ValueTooLarge(_) => Refused,
        _ => Unavailable,
    };
    StoreError::new(kind, format!("redb: {error}"))
}

fn of_io(error: &io::Error) -> StoreErrorKind {
    use StoreErrorKind::{Corrupt, Full, Refused, Unavailable};
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Full
        }
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::IsADirectory => Refused,
        // A page that the file should have lies behind its end, or is no page.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Corrupt,
        _ => Unavailable,
    }
}
