//! Retries that help rather than hurt.

pub use retry_runtime::{Classification, Kind};
