//! Where time passes and randomness comes from: the only code that reads a clock, sleeps or draws.

pub(crate) mod clock;
pub(crate) mod random;
pub(crate) mod sleep;
