//! Pointers to a store are stores.

use std::sync::Arc;
use std::time::Duration;

use super::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, Resolution, StoreFuture,
    Written,
};

macro_rules! forwarded {
    () => {
        fn name(&self) -> &'static str {
            (**self).name()
        }

        fn guarantees(&self) -> Guarantees {
            (**self).guarantees()
        }

        fn identity(&self) -> usize {
            (**self).identity()
        }

        fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
            (**self).claim(request)
        }

        fn renew<'a>(
            &'a self,
            key: &'a str,
            claim: Claim,
            lease: Duration,
        ) -> StoreFuture<'a, Written> {
            (**self).renew(key, claim, lease)
        }

        fn complete<'a>(
            &'a self,
            key: &'a str,
            claim: Claim,
            value: &'a [u8],
            ttl: Duration,
        ) -> StoreFuture<'a, Written> {
            (**self).complete(key, claim, value, ttl)
        }

        fn release<'a>(
            &'a self,
            key: &'a str,
            claim: Claim,
            note: &'a str,
        ) -> StoreFuture<'a, Written> {
            (**self).release(key, claim, note)
        }

        fn mark_unknown<'a>(
            &'a self,
            key: &'a str,
            claim: Claim,
            note: &'a str,
        ) -> StoreFuture<'a, Written> {
            (**self).mark_unknown(key, claim, note)
        }

        fn abandon(&self, key: &str, claim: Claim) {
            (**self).abandon(key, claim);
        }

        fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
            (**self).peek(key)
        }

        fn unknowns<'a>(
            &'a self,
            after: Option<&'a str>,
            most: usize,
        ) -> StoreFuture<'a, Vec<Record>> {
            (**self).unknowns(after, most)
        }

        fn resolve<'a>(
            &'a self,
            key: &'a str,
            fence: u64,
            resolution: Resolution,
        ) -> StoreFuture<'a, Written> {
            (**self).resolve(key, fence, resolution)
        }

        fn sweep(&self) -> StoreFuture<'_, u64> {
            (**self).sweep()
        }

        fn audit(&self) -> StoreFuture<'_, Vec<String>> {
            (**self).audit()
        }
    };
}

impl<S: IdempotencyStore + ?Sized> IdempotencyStore for &S {
    forwarded!();

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        (**self).handle()
    }
}

impl<S: IdempotencyStore + ?Sized> IdempotencyStore for Box<S> {
    forwarded!();

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        (**self).handle()
    }
}

impl<S: IdempotencyStore + ?Sized + 'static> IdempotencyStore for Arc<S> {
    forwarded!();

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        Some((**self).handle().unwrap_or_else(|| Arc::new(Self::clone(self))))
    }
}
