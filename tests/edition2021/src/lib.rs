//! What `#[retry]` expands to has to pass whatever a user forbids.
#![forbid(warnings, unsafe_code, missing_docs, unused, future_incompatible)]
#![forbid(rust_2018_idioms, nonstandard_style, let_underscore, keyword_idents)]
#![forbid(unreachable_pub, unused_qualifications, unused_lifetimes, unused_results)]
#![forbid(single_use_lifetimes, trivial_casts, trivial_numeric_casts, elided_lifetimes_in_paths)]
#![forbid(variant_size_differences, meta_variable_misuse, missing_debug_implementations)]
#![deny(clippy::all, clippy::pedantic, clippy::cargo, clippy::nursery)]
#![forbid(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![forbid(clippy::allow_attributes_without_reason)]
#![allow(
    clippy::cargo_common_metadata,
    clippy::multiple_crate_versions,
    reason = "a package of tests"
)]

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use steadfast::{
    AttemptTimeout, Classification, Jitter, RetryBudget, RetryEvent, RetryPolicy, retry,
};

include!("../../shared/editions.rs");
