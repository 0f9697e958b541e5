//! A breaker that lives as long as whoever holds this.

use std::ops::Deref;
use std::sync::Arc;

use super::CircuitBreaker;
use super::near::Near;

#[derive(Clone, Debug)]
pub(super) enum Owner {
    Static(&'static CircuitBreaker),
    /// That of a key, for a call.
    Near(Arc<Near>),
    /// That of a key, for who looks at it, or a test scope's copy.
    Shared(Arc<CircuitBreaker>),
}

impl Deref for Owner {
    type Target = CircuitBreaker;

    #[inline]
    fn deref(&self) -> &CircuitBreaker {
        match self {
            Self::Static(breaker) => breaker,
            Self::Near(near) => &near.breaker,
            Self::Shared(breaker) => breaker,
        }
    }
}
