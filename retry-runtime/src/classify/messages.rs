//! What databases say when all that is left of their error is a text.
//!
//! The last resort of [`by_source`](super::by_source): drivers that are not known by type, and
//! errors that were turned into strings. Each entry is a piece of the server's own English wording
//! that holds no user data, in lower case.

use std::fmt::{self, Write};

use super::{Classification, Kind};

/// Asked first: a row whose content reads like a deadlock must not make a duplicate key retryable.
const PERMANENT: &[&str] = &[
    // Postgres
    "duplicate key value violates unique constraint",
    "current transaction is aborted",
    // MySQL, MariaDB
    "duplicate entry '",
    // SQLite
    "unique constraint failed",
    // SQL Server
    "violation of unique key constraint",
    "violation of primary key constraint",
    "cannot insert duplicate key",
    // Oracle: unique constraint violated
    "ora-00001",
];

const CONFLICT: &[&str] = &[
    // Postgres
    "deadlock detected",
    "could not serialize access",
    "could not obtain lock on",
    "canceling statement due to lock timeout",
    // MySQL, MariaDB
    "deadlock found when trying to get lock",
    "lock wait timeout exceeded",
    // SQLite
    "database is locked",
    "database table is locked",
    "database schema is locked",
    // SQL Server
    "deadlocked on lock",
    "snapshot isolation transaction aborted due to update conflict",
    // Oracle: deadlock, cannot serialize, resource busy with NOWAIT
    "ora-00060",
    "ora-08177",
    "ora-00054",
];

/// A name that could not be looked up because the name server is failing, in the words of glibc:
/// the standard library gives it no kind.
const UNSENT: &[&str] = &["temporary failure in name resolution"];

/// What the text of one error says; `None` where it says nothing known.
pub(crate) fn message(text: &dyn fmt::Display) -> Option<Classification> {
    let mut head = Head(String::new());
    // Ends early with an error once the head is full.
    let _ = write!(head, "{text}");
    let says = |list: &[&str]| list.iter().any(|words| head.0.contains(words));

    if says(PERMANENT) {
        Some(Classification::permanent())
    } else if says(CONFLICT) {
        Some(Classification::retryable().kind(Kind::Conflict))
    } else if says(UNSENT) {
        Some(Classification::retryable().unsent())
    } else {
        None
    }
}

/// The beginning of a text in lower case. Bounded, because an error may print a whole document.
struct Head(String);

const HEAD_BYTES: usize = 4096;

impl Write for Head {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.0.len() >= HEAD_BYTES {
                return Err(fmt::Error);
            }
            self.0.push(char.to_ascii_lowercase());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{CONFLICT, HEAD_BYTES, PERMANENT, UNSENT, message};
    use crate::Kind;

    #[test]
    fn sayings_of_servers_are_known() {
        let conflicts = [
            "deadlock detected",
            "could not serialize access due to concurrent update",
            "could not serialize access due to read/write dependencies among transactions",
            "could not obtain lock on row in relation \"orders\"",
            "canceling statement due to lock timeout",
            "ERROR 1213 (40001): Deadlock found when trying to get lock; try restarting transaction",
            "Lock wait timeout exceeded; try restarting transaction",
            "database is locked",
            "database table is locked: orders",
            "Transaction (Process ID 52) was deadlocked on lock resources with another process and \
             has been chosen as the deadlock victim. Rerun the transaction.",
            "Snapshot isolation transaction aborted due to update conflict.",
            "ORA-00060: deadlock detected while waiting for resource",
            "ORA-08177: can't serialize access for this transaction",
            "ORA-00054: resource busy and acquire with NOWAIT specified",
        ];
        for text in conflicts {
            let class = message(&text).expect(text);
            assert_eq!(class.retryable_kind(), Some(Kind::Conflict), "{text}");
        }
        let permanent = [
            "duplicate key value violates unique constraint \"orders_pkey\"",
            "current transaction is aborted, commands ignored until end of transaction block",
            "Duplicate entry 'a' for key 'PRIMARY'",
            "UNIQUE constraint failed: orders.id",
            "Violation of UNIQUE KEY constraint 'AK'. Cannot insert duplicate key in object 'o'.",
            "Violation of PRIMARY KEY constraint 'PK'",
            "ORA-00001: unique constraint (A.B) violated",
            "Duplicate entry 'deadlock detected' for key 'PRIMARY'",
        ];
        for text in permanent {
            assert!(!message(&text).expect(text).is_retryable(), "{text}");
        }
        let text = "failed to lookup address information: Temporary failure in name resolution";
        assert!(message(&text).unwrap().is_unsent());
    }

    #[test]
    fn entries_are_lower_case_or_they_would_never_be_found() {
        for words in [PERMANENT, CONFLICT, UNSENT].concat() {
            assert_eq!(words, words.to_ascii_lowercase());
            assert!(message(&words).is_some());
        }
    }

    #[test]
    fn other_texts_say_nothing() {
        for text in ["", "not found", "deadlock", "duplicate", "timeout", "locked"] {
            assert_eq!(message(&text), None, "{text}");
        }
    }

    #[test]
    fn only_the_head_of_a_text_is_read() {
        let text = "ä".repeat(HEAD_BYTES) + "deadlock detected";
        assert_eq!(message(&text), None);
    }
}
