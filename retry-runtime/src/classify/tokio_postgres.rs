//! The errors of tokio-postgres.

use std::error::Error as _;

use ::tokio_postgres::Error;

use super::by_source::by_type;
use super::{Classification, Classify, Kind, sqlstate};

/// An answer of the server goes by its [`sqlstate`], a connection that broke by the I/O error.
impl Classify for Error {
    fn classify(&self) -> Classification {
        if let Some(code) = self.code() {
            return sqlstate(code.code());
        }
        // The connection was lost before; whether this statement was sent, nobody says.
        if self.is_closed() {
            return Classification::retryable();
        }
        match self.source() {
            Some(inner) => by_type(inner).unwrap_or(Classification::permanent()),
            // No method tells this one from the rest; it is how `postgres` ends `is_valid`.
            None if self.to_string() == "timeout waiting for server" => {
                Classification::retryable().kind(Kind::Timeout)
            }
            None => Classification::permanent(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::classify::{Classify as _, Kind};

    #[test]
    fn a_wrong_configuration_is_permanent() {
        let error = "host=".parse::<tokio_postgres::Config>().unwrap_err();
        assert!(!error.classify().is_retryable());
    }

    #[test]
    fn the_timeout_of_the_client_is_one() {
        let error = tokio_postgres::Error::__private_api_timeout();
        assert_eq!(error.classify().retryable_kind(), Some(Kind::Timeout));
    }
}
