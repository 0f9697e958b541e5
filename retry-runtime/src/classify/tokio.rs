//! tokio's own timeout.

use ::tokio::time::error::Elapsed;

use super::{Classification, Classify, Kind};

/// A timeout; whether anything was sent before it, nobody knows.
impl Classify for Elapsed {
    fn classify(&self) -> Classification {
        Classification::retryable().kind(Kind::Timeout)
    }
}
