//! What the library of this edition was turned into works.

use std::sync::atomic::{AtomicU32, Ordering};

use steadfast_edition2024::*;

include!("../../shared/behaviour.rs");
