//! What an error of the package redis means to whoever asked the store.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::idempotency::store::{StoreError, StoreErrorKind};

/// Texts of servers before version 7, which hide the code of an error that a script met.
const UNAVAILABLE: [&str; 5] =
    ["max number of clients", "OOM command not allowed", "READONLY", "MISCONF", "NOREPLICAS"];

pub(super) fn store_error(error: &RedisError) -> StoreError {
    // By its code, which is what can be looked up.
    let message = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("redis: {code} {detail}"),
        _ => format!("redis: {error}"),
    };
    StoreError::new(kind(error), message)
}

/// Down, loading, read-only, full or failing over may pass; a wrong password, a missing permission or
/// another type under the key does not.
fn kind(error: &RedisError) -> StoreErrorKind {
    use StoreErrorKind::{Refused, Unavailable};

    match error.kind() {
        // What came was no answer of redis: a connection that broke in the middle of one.
        ErrorKind::Io
        | ErrorKind::Parse
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::Ask
            // Flushed twice in a row.
            | ServerErrorKind::NoScript,
        ) => Unavailable,

        ErrorKind::Extension => match error.code() {
            Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "UNKILLABLE") => Unavailable,
            _ => by_text(error),
        },

        ErrorKind::Server(ServerErrorKind::ResponseError | ServerErrorKind::ExecAbort) => {
            by_text(error)
        }

        _ => Refused,
    }
}

fn by_text(error: &RedisError) -> StoreErrorKind {
    let text = error.to_string();
    if UNAVAILABLE.iter().any(|known| text.contains(known)) {
        StoreErrorKind::Unavailable
    } else {
        StoreErrorKind::Refused
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use ::redis::make_extension_error;

    use super::*;

    fn server(kind: ServerErrorKind) -> StoreErrorKind {
        store_error(&RedisError::from((ErrorKind::Server(kind), "text"))).kind()
    }

    fn code(code: &str) -> StoreErrorKind {
        store_error(&make_extension_error(code.to_owned(), None)).kind()
    }

    #[test]
    fn what_may_pass_is_unavailable() {
        use ServerErrorKind::{
            Ask, BusyLoading, ClusterDown, MasterDown, NoScript, ReadOnly, TryAgain,
        };
        for kind in [BusyLoading, TryAgain, ClusterDown, MasterDown, ReadOnly, Ask, NoScript] {
            assert_eq!(server(kind), StoreErrorKind::Unavailable, "{kind:?}");
        }
        for known in ["OOM", "MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE"] {
            assert_eq!(code(known), StoreErrorKind::Unavailable, "{known}");
        }
        let reset = RedisError::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(store_error(&reset).kind(), StoreErrorKind::Unavailable);
    }

    #[test]
    fn what_does_not_pass_is_refused() {
        use ServerErrorKind::{CrossSlot, Moved, NoPerm, ResponseError};
        for kind in [Moved, CrossSlot, NoPerm, ResponseError] {
            assert_eq!(server(kind), StoreErrorKind::Refused, "{kind:?}");
        }
        for known in ["WRONGTYPE", "NOAUTH", "WRONGPASS", "DENIED", "SOMETHINGNEW"] {
            assert_eq!(code(known), StoreErrorKind::Refused, "{known}");
        }
        let password = RedisError::from((ErrorKind::AuthenticationFailed, "text"));
        assert_eq!(store_error(&password).kind(), StoreErrorKind::Refused);
    }

    #[test]
    fn codes_that_older_servers_hide_in_the_text_are_found() {
        let hidden = make_extension_error(
            "@user_script:".to_owned(),
            Some("85: -OOM command not allowed when used memory > 'maxmemory'.".to_owned()),
        );
        assert_eq!(store_error(&hidden).kind(), StoreErrorKind::Unavailable);
        let full = RedisError::from((
            ErrorKind::Server(ServerErrorKind::ResponseError),
            "text",
            "max number of clients reached".to_owned(),
        ));
        assert_eq!(store_error(&full).kind(), StoreErrorKind::Unavailable);
    }
}
