//! What the attributes do, through the public interface alone.

#![allow(
    clippy::all,
    clippy::pedantic,
    reason = "odd shapes of functions and hooks are what is tested; those that must be clean under \
              pedantic lints are in `tests/ui/pass` and the edition packages"
)]

mod budgets;
mod cancellation;
mod circuit_breaker;
mod classification;
mod conformance;
mod derive_classify;
mod futures;
mod hygiene;
mod idempotent;
mod laws;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod nesting;
#[cfg(all(feature = "metrics", feature = "serde"))]
mod observability;
mod operations;
mod propagate;
mod pushback;
#[cfg(feature = "redis")]
mod redis_errors;
mod retry_loop;
mod shapes;
mod telemetry;
mod timers;
