//! What the attributes do, through the public interface alone.

mod budgets;
mod cancellation;
mod conformance;
mod futures;
mod hygiene;
mod laws;
mod limits;
mod nesting;
mod retry_loop;
mod shapes;
