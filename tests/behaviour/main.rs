//! What the attributes do, through the public interface alone.

mod derive_classify;
mod retry_loop;
mod shapes;
mod telemetry;
mod timers;
