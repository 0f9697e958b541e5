//! The runtime of `steadfast`. Depend on `steadfast`, which re-exports what is public here.

pub mod classify;
mod time;

pub use classify::{Classification, Classify, Kind};
pub use time::Timestamp;
