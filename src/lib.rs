//! Retries that help rather than hurt.

#[cfg(feature = "http")]
pub use retry_runtime::http;
#[cfg(feature = "reqwest")]
pub use retry_runtime::reqwest;
pub use retry_runtime::{Classification, Classify, Kind, classify, classify_as};

#[doc(hidden)]
pub mod __private {
    pub use retry_runtime::classify::{HintField, StatusField, find};
    pub use retry_runtime::{Classification, Classify, Kind};
}
