//! What the library of this edition was turned into works.

use std::sync::atomic::{AtomicU32, Ordering};

use steadfast_edition2021::*;

include!("../../shared/behaviour.rs");
