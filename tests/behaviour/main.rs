//! What the attributes do, through the public interface alone.

#![allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_async,
    reason = "the shapes of hooks and of annotated functions are what is tested"
)]

mod budgets;
mod cancellation;
mod conformance;
mod derive_classify;
mod futures;
mod hygiene;
mod laws;
mod limits;
mod nesting;
mod retry_loop;
mod shapes;
mod telemetry;
mod timers;
