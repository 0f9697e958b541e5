//! Stacks whose attributes are imported for nothing else, without a warning.

#![deny(clippy::pedantic)]
#![forbid(warnings, unused)]

/// All three are imported, and one of them expands the others.
mod imported {
    use steadfast::idempotency::IdempotencyError;
    use steadfast::{CircuitOpen, circuit_breaker, idempotent, retry};

    #[derive(Debug)]
    pub(super) struct Failed;

    impl std::fmt::Display for Failed {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("failed")
        }
    }

    impl std::error::Error for Failed {}

    impl From<CircuitOpen> for Failed {
        fn from(_: CircuitOpen) -> Self {
            Self
        }
    }

    impl From<IdempotencyError> for Failed {
        fn from(_: IdempotencyError) -> Self {
            Self
        }
    }

    #[idempotent(key = "order_{order_id}", replay = "unsent")]
    #[retry(on = any)]
    #[circuit_breaker(name = "ui-stacked")]
    pub(super) async fn claimed(order_id: u64) -> Result<u64, Failed> {
        Ok(order_id)
    }

    #[retry(on = any)]
    #[circuit_breaker(name = "ui-stacked")]
    pub(super) fn guarded(order_id: u64) -> Result<u64, Failed> {
        Ok(order_id)
    }
}

/// A renamed crate, and paths that need no import.
mod qualified {
    use steadfast as steady;

    #[steady::retry]
    #[steady::circuit_breaker(name = "ui-stacked", map_open = std::io::Error::other)]
    pub(super) fn guarded() -> std::io::Result<u64> {
        Ok(1)
    }

    #[::steadfast::retry]
    #[::steadfast::circuit_breaker(name = "ui-stacked", map_open = std::io::Error::other)]
    pub(super) async fn guarded_async() -> std::io::Result<u64> {
        Ok(2)
    }
}

/// The one that expands first under a name of the user's.
mod renamed {
    use steadfast::{circuit_breaker, retry as again};

    #[again]
    #[circuit_breaker(name = "ui-stacked", map_open = std::io::Error::other)]
    pub(super) fn guarded() -> std::io::Result<u64> {
        Ok(5)
    }
}

/// Below a function of the same name as an attribute, in a method, and made by a macro.
mod shadowed {
    use steadfast::{circuit_breaker, retry};

    pub(super) struct Client;

    impl Client {
        #[retry]
        #[circuit_breaker(name = "ui-stacked", map_open = std::io::Error::other)]
        pub(super) fn retry(&self) -> std::io::Result<u64> {
            let _ = self;
            Ok(3)
        }
    }

    macro_rules! guarded {
        ($name:ident) => {
            #[retry]
            #[circuit_breaker(name = "ui-stacked", map_open = std::io::Error::other)]
            pub(super) fn $name() -> std::io::Result<u64> {
                Ok(4)
            }
        };
    }

    guarded!(circuit_breaker);
}

pub(crate) fn main() {
    assert_eq!(imported::guarded(7).unwrap(), 7);
    drop(imported::claimed(7));
    assert_eq!(qualified::guarded().unwrap(), 1);
    drop(qualified::guarded_async());
    assert_eq!(renamed::guarded().unwrap(), 5);
    assert_eq!(shadowed::Client.retry().unwrap(), 3);
    assert_eq!(shadowed::circuit_breaker().unwrap(), 4);
}
