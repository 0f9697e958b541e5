//! The runtime of `steadfast`. Depend on `steadfast`, which re-exports what is public here.

pub mod classify;
mod time;

#[cfg(feature = "http")]
pub use classify::http;
#[cfg(feature = "reqwest")]
pub use classify::reqwest;
pub use classify::{Classification, Classify, Kind};
pub use time::Timestamp;
