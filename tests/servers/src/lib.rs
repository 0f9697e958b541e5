//! Real servers for tests: found on this machine or installed from Debian's packages, started on a
//! free port of loopback or a socket, and ended by pid when the guard is dropped.
//!
//! A test without its server fails with the words to mend it; it never skips.

pub mod postgres;
pub mod redis;
