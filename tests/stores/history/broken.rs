//! Stores with one fault each: what the check has to find.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Record, RecordState,
    Resolution, StoreFuture, Written,
};

/// What is wrong with a store, now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A key that is taken is given to another.
    TwoOwners,
    /// Look and write are two steps.
    LookThenWrite,
    /// An unknown record is run again although nobody said so.
    UnknownRuns,
    /// A late answer is taken for made.
    LateComplete,
    /// What was released stays.
    NoRelease,
    /// A lease is not prolonged.
    NoRenewal,
    /// What was marked as unknown is released.
    UnknownReleased,
    /// An answer is not the one that was stored.
    OtherAnswer,
    /// Fences do not grow.
    SameFence,
    /// A fingerprint is not looked at.
    NoFingerprint,
    /// What is seen is old.
    StalePeek,
    /// An operator's decision is forgotten.
    NoResolve,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::TwoOwners,
        Self::LookThenWrite,
        Self::UnknownRuns,
        Self::LateComplete,
        Self::NoRelease,
        Self::NoRenewal,
        Self::UnknownReleased,
        Self::OtherAnswer,
        Self::SameFence,
        Self::NoFingerprint,
        Self::StalePeek,
        Self::NoResolve,
    ];
}

/// A store that has a fault every few operations.
pub(crate) struct Broken<S> {
    store: S,
    fault: Fault,
    operations: AtomicU64,
}

impl<S> Broken<S> {
    pub(crate) fn new(store: S, fault: Fault) -> Self {
        Self { store, fault, operations: AtomicU64::new(0) }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault && self.operations.fetch_add(1, Relaxed) % 5 == 4
    }
}

impl<S: IdempotencyStore> IdempotencyStore for Broken<S> {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn guarantees(&self) -> Guarantees {
        self.store.guarantees()
    }

    fn claim<'a>(&'a self, mut request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(async move {
            if self.has(Fault::UnknownRuns) {
                request.on_unknown = OnUnknown::Take;
            }
            if self.has(Fault::NoFingerprint) {
                request.fingerprint = None;
            }
            if self.has(Fault::LookThenWrite) {
                // As if two looked before either wrote.
                if let Some(record) = self.store.peek(request.key).await?
                    && record.state == RecordState::InFlight
                {
                    let claim = Claim { owner: request.owner, fence: record.fence + 1 };
                    return Ok(Claimed::Owned { claim, was_unknown: false });
                }
            }
            let owner = request.owner;
            Ok(match self.store.claim(request).await? {
                Claimed::InFlight { fence, .. } if self.has(Fault::TwoOwners) => {
                    Claimed::Owned { claim: Claim { owner, fence }, was_unknown: false }
                }
                Claimed::Owned { claim, was_unknown }
                    if claim.fence > 1 && self.has(Fault::SameFence) =>
                {
                    let claim = Claim { owner, fence: claim.fence - 1 };
                    Claimed::Owned { claim, was_unknown }
                }
                Claimed::Done { mut value } if self.has(Fault::OtherAnswer) => {
                    value[0] ^= 1;
                    Claimed::Done { value }
                }
                answer => answer,
            })
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        if self.has(Fault::NoRenewal) {
            return Box::pin(async { Ok(Written::Made) });
        }
        self.store.renew(key, claim, lease)
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let written = self.store.complete(key, claim, value, ttl).await?;
            let late = matches!(written, Written::Lost { .. });
            Ok(if late && self.has(Fault::LateComplete) { Written::Made } else { written })
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        if self.has(Fault::NoRelease) {
            return Box::pin(async { Ok(Written::Made) });
        }
        self.store.release(key, claim, note)
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        if self.has(Fault::UnknownReleased) {
            return self.store.release(key, claim, note);
        }
        self.store.mark_unknown(key, claim, note)
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let mut record = self.store.peek(key).await?;
            if let Some(record) = record.as_mut().filter(|_| self.has(Fault::StalePeek)) {
                record.fence = record.fence.saturating_sub(1);
            }
            Ok(record)
        })
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        self.store.unknowns(after, most)
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        if self.has(Fault::NoResolve) {
            return Box::pin(async { Ok(Written::Made) });
        }
        self.store.resolve(key, fence, resolution)
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        self.store.sweep()
    }
}
