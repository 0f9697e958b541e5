//! Idempotent calls as generated code makes them.
#![cfg(feature = "idempotent")]

mod blocking;
mod cost;
mod dropping;
mod ends;
mod faults;
mod leases;
mod running;
mod support;
