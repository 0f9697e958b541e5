//! Retries that help rather than hurt.

pub use retry_runtime::{Classification, Classify, Kind, classify};

#[doc(hidden)]
pub mod __private {
    pub use retry_runtime::classify::find;
    pub use retry_runtime::{Classification, Classify, Kind};
}
