//! The suite can fail: stores that break one law each are found out.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, OnUnknown, Owner, Record,
    RecordState, Resolution, StoreFuture, Written,
};
use super::super::{MemoryStore, conformance};
use crate::testing;

/// One way to break a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Every claim of a held key gets it, too.
    TwoOwners,
    /// Fences are not looked at.
    NoFence,
    /// Owners are not looked at.
    NoOwner,
    /// A lease that is over gives the key away.
    LapseIsFree,
    /// Only claims notice that a lease is over.
    LapseUnseenByPeek,
    /// A late owner may complete.
    LateComplete,
    /// Unknown records are taken whatever was asked.
    UnknownTaken,
    /// Fingerprints are not compared.
    NoFingerprint,
    /// A mismatch is answered, but not for records that are done.
    DoneIgnoresFingerprint,
    /// A second completion replaces the first.
    LastBytesWin,
    /// A repeated completion is lost.
    CompleteOnce,
    /// A repeated claim is in flight for its own owner.
    ClaimOnce,
    /// Values are cut at 64 KiB.
    CutsValues,
    /// An empty value is no value.
    NoEmptyValue,
    /// Keys are compared without their case.
    LowersKeys,
    /// Keys are cut at 255 bytes.
    CutsKeys,
    /// Renewing answers well and does nothing.
    NoRenewal,
    /// Nothing expires.
    NoExpiry,
    /// Sweeping takes unknown records.
    SweepsUnknown,
    /// A page ignores where the last one ended.
    SamePage,
    /// A page ignores how many were asked for.
    WholePage,
    /// Resolving ignores the fence.
    ResolvesAnyFence,
    /// Resolving as not done leaves the record.
    ResolvesNothing,
    /// The number of claims is not limited.
    ClaimsForever,
    /// A release loses its note.
    NoNote,
    /// A taker is not told what it took.
    HidesUnknown,
    /// A lost write does not say which fence there is.
    NoFenceInLost,
    /// The handle is of another store.
    OtherHandle,
}

const FAULTS: [(Fault, &str); 28] = [
    (Fault::TwoOwners, "law 1: a held key"),
    (Fault::NoFence, "law 2: a write with another fence"),
    (Fault::NoOwner, "law 2: a write with another owner"),
    (Fault::LapseIsFree, "law 4: a claim after the lease"),
    (Fault::LapseUnseenByPeek, "law 4: `peek`"),
    (Fault::LateComplete, "law 2: a record that is Unknown"),
    (Fault::UnknownTaken, "law 4: a claim after"),
    (Fault::NoFingerprint, "law 7"),
    (Fault::DoneIgnoresFingerprint, "law 7"),
    (Fault::LastBytesWin, "law 6: the bytes of a completion made twice"),
    (Fault::CompleteOnce, "law 8"),
    (Fault::ClaimOnce, "law 8"),
    (Fault::CutsValues, "law 6"),
    (Fault::NoEmptyValue, "law 6"),
    (Fault::LowersKeys, "law 1: the key"),
    (Fault::CutsKeys, "law 1: the key"),
    (Fault::NoRenewal, "law 3: a renewed lease"),
    (Fault::NoExpiry, "law 6: a record after its time"),
    (Fault::SweepsUnknown, "law 5"),
    (Fault::SamePage, "the interface: a page begins behind"),
    (Fault::WholePage, "the interface: a page of 2"),
    (Fault::ResolvesAnyFence, "law 5: a resolution with another fence"),
    (Fault::ResolvesNothing, "law 1: a free key"),
    (Fault::ClaimsForever, "the interface: the fourth claim"),
    (Fault::NoNote, "the interface: `peek`"),
    (Fault::HidesUnknown, "law 5: a taker is told"),
    (Fault::NoFenceInLost, "law 2"),
    (Fault::OtherHandle, "the interface: the identity of a handle"),
];

/// A store with a fault.
struct Broken {
    store: MemoryStore,
    fault: Fault,
    granted: Mutex<HashSet<(String, Owner)>>,
}

impl Broken {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn key(&self, key: &str) -> String {
        match self.fault {
            Fault::LowersKeys => key.to_lowercase(),
            Fault::CutsKeys => key[..key.len().min(255)].to_owned(),
            _ => key.to_owned(),
        }
    }

    fn ttl(&self, ttl: Duration) -> Duration {
        if self.has(Fault::NoExpiry) { Duration::MAX } else { ttl }
    }

    /// The claim as the store would have it.
    async fn claimed(&self, key: &str, claim: Claim) -> Claim {
        let Ok(Some(record)) = self.store.peek(key).await else { return claim };
        match self.fault {
            Fault::NoFence => Claim { fence: record.fence, ..claim },
            // Whoever asks is taken for the owner: found out by the one that is.
            Fault::NoOwner if record.state == RecordState::InFlight => {
                for owner in 0..=1_u32 {
                    let tried = Claim { owner: Owner(claim.owner.0 ^ u128::from(owner)), ..claim };
                    let lease = Duration::from_secs(600);
                    if self.store.renew(key, tried, lease).await.ok() == Some(Written::Made) {
                        return tried;
                    }
                }
                claim
            }
            _ => claim,
        }
    }

    fn granted(&self, key: &str, claim: Claim) -> bool {
        self.granted.lock().unwrap().contains(&(key.to_owned(), claim.owner))
    }

    /// Whether the claim may be answered as owned.
    fn grant(&self, key: &str, claim: Claim) -> bool {
        let first = self.granted.lock().unwrap().insert((key.to_owned(), claim.owner));
        first || !self.has(Fault::ClaimOnce)
    }

    fn written(&self, written: Written) -> Written {
        match written {
            Written::Lost { .. } if self.has(Fault::NoFenceInLost) => Written::Lost { fence: None },
            other => other,
        }
    }
}

impl IdempotencyStore for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn guarantees(&self) -> Guarantees {
        self.store.guarantees()
    }

    fn identity(&self) -> usize {
        self.store.identity()
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        self.has(Fault::OtherHandle).then(|| Arc::new(MemoryStore::new()) as _)
    }

    fn claim<'a>(&'a self, mut request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(async move {
            let key = self.key(request.key);
            request.ttl = self.ttl(request.ttl);
            if self.has(Fault::NoFingerprint) {
                request.fingerprint = None;
            }
            if self.has(Fault::UnknownTaken) {
                request.on_unknown = OnUnknown::Take;
            }
            if self.has(Fault::ClaimsForever) {
                request.max_claims = u32::MAX;
            }
            let before = self.store.peek(&key).await?;
            if self.has(Fault::LapseIsFree)
                && before.is_some_and(|record| {
                    record.state == RecordState::Unknown
                        && record.note.as_deref().is_some_and(|note| note.contains("lease"))
                })
            {
                request.on_unknown = OnUnknown::Take;
            }
            let mut inner = request;
            inner.key = &key;
            let mut answer = self.store.claim(inner).await?;
            if self.has(Fault::DoneIgnoresFingerprint) && answer == Claimed::Mismatch {
                inner.fingerprint = None;
                let record = self.store.peek(&key).await?;
                if record.is_some_and(|record| record.state == RecordState::Done) {
                    answer = self.store.claim(inner).await?;
                }
            }
            Ok(match answer {
                Claimed::InFlight { fence, .. } if self.has(Fault::TwoOwners) => Claimed::Owned {
                    claim: Claim { owner: request.owner, fence },
                    was_unknown: false,
                },
                Claimed::Owned { claim, .. } if !self.grant(&key, claim) => {
                    Claimed::InFlight { fence: claim.fence, left: request.lease }
                }
                Claimed::Owned { claim, .. } if self.has(Fault::HidesUnknown) => {
                    Claimed::Owned { claim, was_unknown: false }
                }
                Claimed::Done { value } if value.is_empty() && self.has(Fault::NoEmptyValue) => {
                    Claimed::InFlight { fence: 1, left: Duration::ZERO }
                }
                other => other,
            })
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let key = self.key(key);
            let claim = self.claimed(&key, claim).await;
            if self.has(Fault::NoRenewal) && self.granted(&key, claim) {
                let held = self.store.peek(&key).await?.is_some_and(|record| {
                    record.state == RecordState::InFlight && record.fence == claim.fence
                });
                if held {
                    return Ok(Written::Made);
                }
            }
            Ok(self.written(self.store.renew(&key, claim, lease).await?))
        })
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let key = self.key(key);
            let claim = self.claimed(&key, claim).await;
            let cut =
                if self.has(Fault::CutsValues) { value.len().min(1 << 16) } else { value.len() };
            let before = self.store.peek(&key).await?;
            let state = before.as_ref().map(|record| record.state);
            let held = before.is_some_and(|record| record.fence == claim.fence);
            if held && state == Some(RecordState::Done) && self.has(Fault::CompleteOnce) {
                return Ok(Written::Lost { fence: Some(claim.fence) });
            }
            if held && self.has(Fault::LateComplete) && state == Some(RecordState::Unknown) {
                let done = Resolution::Done(value.to_vec());
                return self.store.resolve(&key, claim.fence, done).await;
            }
            let written = self.store.complete(&key, claim, &value[..cut], self.ttl(ttl)).await?;
            if self.has(Fault::LastBytesWin) && state == Some(RecordState::Done) && held {
                // The same key again in a store that forgets in no time.
                let scope_ttl = Duration::from_secs(600);
                return self.replace(&key, claim, value, scope_ttl).await;
            }
            Ok(self.written(written))
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let key = self.key(key);
            let claim = self.claimed(&key, claim).await;
            let note = if self.has(Fault::NoNote) { "" } else { note };
            Ok(self.written(self.store.release(&key, claim, note).await?))
        })
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let key = self.key(key);
            let claim = self.claimed(&key, claim).await;
            Ok(self.written(self.store.mark_unknown(&key, claim, note).await?))
        })
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let key_inside = self.key(key);
            let mut record = self.store.peek(&key_inside).await?;
            if let Some(record) = &mut record {
                key.clone_into(&mut record.key);
                if self.has(Fault::LapseUnseenByPeek)
                    && record.note.as_deref().is_some_and(|note| note.contains("lease"))
                {
                    record.state = RecordState::InFlight;
                }
            }
            Ok(record)
        })
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        let after = if self.has(Fault::SamePage) { None } else { after };
        let most = if self.has(Fault::WholePage) { usize::MAX } else { most };
        self.store.unknowns(after, most)
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let key = self.key(key);
            let mut fence = fence;
            if self.has(Fault::ResolvesAnyFence)
                && let Some(record) = self.store.peek(&key).await?
            {
                fence = record.fence;
            }
            if self.has(Fault::ResolvesNothing) && resolution == Resolution::NotDone {
                let unknown = self.store.peek(&key).await?.is_some_and(|record| {
                    record.state == RecordState::Unknown && record.fence == fence
                });
                if unknown {
                    return Ok(Written::Made);
                }
            }
            self.store.resolve(&key, fence, resolution).await
        })
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            if self.has(Fault::SweepsUnknown) {
                for record in self.store.unknowns(None, usize::MAX).await? {
                    self.store.resolve(&record.key, record.fence, Resolution::NotDone).await?;
                }
            }
            self.store.sweep().await
        })
    }
}

impl Broken {
    /// Puts other bytes under a key that is done, as nothing should be able to.
    async fn replace(
        &self,
        key: &str,
        claim: Claim,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Written, super::super::StoreError> {
        self.store.forget(key);
        let request = ClaimRequest::new(key, claim.owner);
        if let Claimed::Owned { claim, .. } = self.store.claim(request).await? {
            self.store.complete(key, claim, value, ttl).await?;
        }
        Ok(Written::Made)
    }
}

/// What the suite says of a store, if anything.
fn verdict(fault: Fault) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let scope = testing::scope();
    let store = Broken { store: MemoryStore::new(), fault, granted: Mutex::default() };
    let checked = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(conformance::check(&store, async |time| scope.advance(time)));
    }));
    let panicked = checked.err()?;
    Some(*panicked.downcast::<String>().expect("a sentence"))
}

#[test]
fn the_memory_store_keeps_every_law() {
    let scope = testing::scope();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for _ in 0..2 {
        let store = MemoryStore::new();
        let pointed: Arc<dyn IdempotencyStore> = Arc::new(store);
        runtime.block_on(conformance::check(&*pointed, async |time| scope.advance(time)));
        runtime.block_on(conformance::check(&pointed, async |time| scope.advance(time)));
        runtime.block_on(conformance::check(&&pointed, async |time| scope.advance(time)));
    }
}

#[test]
fn a_store_that_breaks_a_law_is_found_out() {
    assert_eq!(verdict(Fault::None), None, "the wrapper itself breaks nothing");
    for (fault, law) in FAULTS {
        let sentence = verdict(fault);
        let sentence = sentence.unwrap_or_else(|| panic!("{fault:?} was not found out"));
        let expected = format!("the store breaks {law}");
        assert!(sentence.starts_with(&expected), "{fault:?}: {sentence}");
    }
}
