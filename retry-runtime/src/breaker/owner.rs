//! A breaker that lives as long as whoever holds this.

use std::ops::Deref;
use std::sync::Arc;

use super::CircuitBreaker;

#[derive(Clone, Debug)]
pub(super) enum Owner {
    Static(&'static CircuitBreaker),
    /// That of a key, or a test scope's copy.
    Shared(Arc<CircuitBreaker>),
}

impl Deref for Owner {
    type Target = CircuitBreaker;

    #[inline]
    fn deref(&self) -> &CircuitBreaker {
        match self {
            Self::Static(breaker) => breaker,
            Self::Shared(breaker) => breaker,
        }
    }
}
