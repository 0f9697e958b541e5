//! What an error of Postgres means to a caller of the store.

use std::error::Error as _;

use tokio_postgres::Error;

use crate::idempotency::store::{StoreError, StoreErrorKind};

/// Raised by `migrate.sql` for tables that are newer than this library.
const NEWER_SCHEMA: &str = "SF001";

/// Says in the server's words what happened, and in ours what can be done.
pub(super) fn store_error(error: &Error) -> StoreError {
    let Some(answer) = error.as_db_error() else {
        // Without an answer there was no server to give one, or it went away.
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return StoreError::new(StoreErrorKind::Unavailable, format!("postgres: {error}{cause}"));
    };
    let code = answer.code().code();
    let (kind, advice) = meaning(code);
    let message = answer.message();
    StoreError::new(kind, format!("postgres: {message} ({code}){advice}"))
}

fn meaning(code: &str) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Full, Incompatible, Refused, Unavailable};
    match code {
        "42P01" | "3F000" => (Refused, "; call `PostgresStore::migrate()` once"),
        // A column or type that is missing: the table is not the one that this library made.
        "42703" | "42704" | "42804" | "42883" => {
            (Incompatible, "; the table `steadfast_idempotency` has another shape")
        }
        NEWER_SCHEMA => (Incompatible, "; update the library"),
        "25006" => (Unavailable, "; it is a standby, or `default_transaction_read_only` is on"),
        "42501" => (Refused, "; the role needs SELECT, INSERT, UPDATE and DELETE on the table"),
        "55P03" => (Unavailable, "; a transaction that is still open holds the record"),
        "57014" => (Unavailable, "; the statement took too long"),
        "53100" => (Full, ""),
        _ if code.starts_with("XX0") && code != "XX000" => (Corrupt, ""),
        _ if ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            (Unavailable, "")
        }
        _ => (Refused, ""),
    }
}

/// Whether the server has undone the statement for another's sake, so that it may be repeated at once.
pub(super) fn is_conflict(error: &Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "40001" | "40P01"))
}

/// Whether a prepared statement no longer fits the table.
pub(super) fn is_outdated(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code() == "0A000")
}

#[cfg(test)]
mod tests {
    use super::meaning;
    use crate::idempotency::store::StoreErrorKind::{
        Corrupt, Full, Incompatible, Refused, Unavailable,
    };

    #[test]
    fn every_class_has_its_meaning() {
        for (code, kind) in [
            ("08006", Unavailable),
            ("25006", Unavailable),
            ("28P01", Refused),
            ("3D000", Refused),
            ("40001", Unavailable),
            ("40P01", Unavailable),
            ("42501", Refused),
            ("42703", Incompatible),
            ("42P01", Refused),
            ("53100", Full),
            ("53200", Unavailable),
            ("53300", Unavailable),
            ("55P03", Unavailable),
            ("57014", Unavailable),
            ("57P01", Unavailable),
            ("57P03", Unavailable),
            ("58030", Unavailable),
            ("SF001", Incompatible),
            ("XX000", Refused),
            ("XX001", Corrupt),
            ("XX002", Corrupt),
        ] {
            assert_eq!(meaning(code).0, kind, "{code}");
        }
        assert!(meaning("42P01").1.contains("migrate()"));
    }
}
