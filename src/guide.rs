//! The README and the guide as doctests, so that none of their code can stop compiling unnoticed.
//! Holds no code itself and is never part of a build.

#[doc = include_str!("../README.md")]
mod readme {}

#[doc = include_str!("../docs/attributes-retry.md")]
mod attributes_retry {}

#[doc = include_str!("../docs/attributes-circuit-breaker.md")]
mod attributes_circuit_breaker {}

#[cfg(feature = "idempotent")]
#[doc = include_str!("../docs/attributes-idempotent.md")]
mod attributes_idempotent {}

#[doc = include_str!("../docs/budgets.md")]
mod budgets {}

#[doc = include_str!("../docs/classification.md")]
mod classification {}

#[doc = include_str!("../docs/nesting.md")]
mod nesting {}

#[cfg(all(feature = "metrics", feature = "serde"))]
#[doc = include_str!("../docs/observability.md")]
mod observability {}

#[doc = include_str!("../docs/testing.md")]
mod testing {}

#[doc = include_str!("../docs/when-not-to-retry.md")]
mod when_not_to_retry {}
