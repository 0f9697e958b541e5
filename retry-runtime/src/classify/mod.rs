//! What kind of failure an error is, and whether trying again may help.
//!
//! Knows errors and nothing else: no time, no policy, no attempt count.

mod classification;

pub use classification::{Classification, Kind};
