//! What the attributes do, through the public interface alone.

#![allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::unused_async,
    reason = "the shapes of hooks and of annotated functions are what is tested"
)]

mod derive_classify;
mod retry_loop;
mod shapes;
mod telemetry;
mod timers;
