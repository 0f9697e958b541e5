//! The errors of the redis package, for Redis and Valkey.

use std::error::Error as _;

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use super::by_source::by_type;
use super::{Classification, Classify};

/// By its kind: a server that is loading, failing over or resharding is transient, a refused
/// connection unsent, a connection that broke goes by the I/O error; other answers are permanent.
impl Classify for RedisError {
    fn classify(&self) -> Classification {
        const TRANSIENT: Classification = Classification::retryable();
        const PERMANENT: Classification = Classification::permanent();

        match self.kind() {
            // Includes a Unix socket that does not exist yet, which by its kind is permanent.
            ErrorKind::Io if self.is_connection_refusal() => TRANSIENT.unsent(),
            ErrorKind::Io => self.source().and_then(by_type).unwrap_or(TRANSIENT),

            // No server was found to send anything to.
            ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel
            | ErrorKind::ClusterConnectionNotFound => TRANSIENT.unsent(),

            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                // A master that has just become a replica.
                | ServerErrorKind::ReadOnly
                // A slot that moves faster than the client's own redirections.
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask,
            ) => TRANSIENT,
            // The server has no code of its own for it.
            ErrorKind::Server(ServerErrorKind::ResponseError)
                if self.detail().is_some_and(|text| text.contains("max number of clients")) =>
            {
                TRANSIENT
            }

            ErrorKind::Extension => match self.code() {
                // A script that runs for too long; a write without enough replicas.
                Some("BUSY" | "NOREPLICAS") => TRANSIENT,
                _ => PERMANENT,
            },

            _ => PERMANENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ErrorKind, RedisError, ServerErrorKind};

    use crate::classify::{Classify as _, Kind, by_source};

    fn of_kind(kind: ErrorKind) -> RedisError {
        RedisError::from((kind, "text"))
    }

    #[test]
    fn servers_that_will_be_back_are_transient() {
        use ServerErrorKind::{
            Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain,
        };
        for kind in [BusyLoading, TryAgain, ClusterDown, MasterDown, ReadOnly, Moved, Ask] {
            let class = of_kind(ErrorKind::Server(kind)).classify();
            assert!(class.is_retryable() && !class.is_unsent(), "{kind:?}");
        }
    }

    #[test]
    fn other_answers_are_permanent() {
        use ServerErrorKind::{CrossSlot, ExecAbort, NoPerm, NoScript, ResponseError};
        for kind in [CrossSlot, ExecAbort, NoPerm, NoScript, ResponseError] {
            assert!(!of_kind(ErrorKind::Server(kind)).classify().is_retryable(), "{kind:?}");
        }
        for kind in [
            ErrorKind::Parse,
            ErrorKind::AuthenticationFailed,
            ErrorKind::UnexpectedReturnType,
            ErrorKind::InvalidClientConfig,
            ErrorKind::Client,
            ErrorKind::Extension,
            ErrorKind::EmptySentinelList,
        ] {
            assert!(!of_kind(kind).classify().is_retryable(), "{kind:?}");
        }
    }

    #[test]
    fn where_no_server_was_found_nothing_was_sent() {
        for kind in [
            ErrorKind::MasterNameNotFoundBySentinel,
            ErrorKind::NoValidReplicasFoundBySentinel,
            ErrorKind::ClusterConnectionNotFound,
        ] {
            assert!(of_kind(kind).classify().is_unsent(), "{kind:?}");
        }
    }

    #[test]
    fn connections_go_by_the_io_error() {
        let class = |kind: io::ErrorKind| RedisError::from(io::Error::from(kind)).classify();
        assert!(class(io::ErrorKind::ConnectionRefused).is_unsent());
        assert!(class(io::ErrorKind::BrokenPipe).is_retryable());
        assert!(!class(io::ErrorKind::BrokenPipe).is_unsent());
        assert_eq!(class(io::ErrorKind::TimedOut).retryable_kind(), Some(Kind::Timeout));
        assert!(!class(io::ErrorKind::PermissionDenied).is_retryable());
        assert!(of_kind(ErrorKind::Io).classify().is_retryable());
    }

    #[test]
    fn codes_without_a_kind_are_known() {
        let class = |code: &str| redis::make_extension_error(code.to_owned(), None).classify();
        assert!(class("BUSY").is_retryable());
        assert!(class("NOREPLICAS").is_retryable());
        assert!(!class("WRONGTYPE").is_retryable());
        assert!(by_source(&redis::make_extension_error("BUSY".into(), None)).is_retryable());
    }
}
