//! Shapes that cannot stand under `forbid`, through no fault of ours: `unsafe` in the signature, and
//! attributes of others that expand to `#[allow]`.
#![deny(warnings)]

include!("../../shared/shapes.rs");
