//! The attributes of `steadfast`. Depend on `steadfast`, which re-exports them.

mod diagnostics;
mod durations;
mod entries;
mod items;
mod limits;
mod model;
mod options;
mod parse;
mod validate;
mod values;
