//! From a model that cannot be wrong to tokens: one expansion for all attributes of ours on a
//! function, outermost first: idempotent, retry, circuit breaker, attempt timeout, body.

mod attempt;
mod breaker;
mod chain;
pub(crate) mod classify;
mod function;
mod idempotent;
mod plain;
mod policy;
mod step;
mod verdict;

pub(crate) use function::expand;
