//! From a model that cannot be wrong to tokens.

pub(crate) mod classify;
pub(crate) mod policy;
pub(crate) mod retry;
pub(crate) mod verdict;
