//! One call from its key to its claim: own it, join who does, wait for who does elsewhere, or be
//! answered. Knows nothing of the body or its type.

use std::sync::Arc;
use std::time::Duration;

use super::error::IdempotencyError;
use super::events::{self, result};
use super::fingerprint::Fingerprint;
use super::flight::{End, Leader, Place, Role, flights};
use super::held::Held;
use super::later::NEVER_RUN;
use super::library;
use super::name;
use super::own;
use super::spec::{MAX_CLAIMS, Spec, UnknownPolicy};
use super::store::{
    ClaimRequest, Claimed, IdempotencyStore, OnUnknown, Owner, StoreError, StoreErrorKind,
};
use super::wait::{bounded, look_after, pause, store_limit, within};
use crate::drivers::{clock, random};
use crate::key::Key;
use crate::testing;
use crate::time::Timestamp;

/// A lease in a test scope, whose clock jumps over delays that a renewal would have covered.
const LEASE_IN_SCOPE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a call is about.
pub(super) struct Call<'a> {
    pub(super) spec: &'static Spec,
    pub(super) store: &'a dyn IdempotencyStore,
    pub(super) place: Place,
    pub(super) fingerprint: Option<[u8; 32]>,
    pub(super) lease: Duration,
}

/// What came of asking for the key.
pub(super) enum Begun<'c> {
    /// The caller runs the body.
    Run(Held<'c>),
    /// The answer is known, from a record or from a call that ran at the same time.
    Answer { bytes: Arc<[u8]>, how: &'static str },
}

impl<'a> Call<'a> {
    pub(super) fn new(
        spec: &'static Spec,
        store: &'a dyn IdempotencyStore,
        key: &Key,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Self, IdempotencyError> {
        let stored = name::stored(name::full(spec.scope, key));
        let place = (store.identity(), store.name(), stored);
        let refused = |error: IdempotencyError| {
            events::refused(spec.operation, &place.2, &error);
            Err(error)
        };
        if key.has_empty_part() {
            return refused(IdempotencyError::EmptyKey);
        }
        let fingerprint = match fingerprint.map(Fingerprint::digest).transpose() {
            Ok(fingerprint) => fingerprint,
            Err(error) => return refused(IdempotencyError::Fingerprint(error)),
        };
        if own::is_inside(&place) {
            return refused(IdempotencyError::InProgress);
        }
        let kept = store.guarantees();
        let in_scope = !kept.durable && !kept.shared && testing::manual_now().is_some();
        let lease = if in_scope { LEASE_IN_SCOPE } else { spec.lease };
        Ok(Self { spec, store, place, fingerprint, lease })
    }

    pub(super) fn key(&self) -> &Arc<str> {
        &self.place.2
    }

    /// Tells of an error and returns it.
    pub(super) fn refused<T>(&self, error: IdempotencyError) -> Result<T, IdempotencyError> {
        events::refused(self.spec.operation, self.key(), &error);
        Err(error)
    }

    /// The longest that one operation of the store is waited for.
    pub(super) fn limit(&self) -> Duration {
        store_limit(self.spec.lease)
    }

    pub(super) async fn begin(&self) -> Result<Begun<'_>, IdempotencyError> {
        let give_up = clock::now().saturating_add(self.spec.wait);
        loop {
            let leader = match flights().board(self.place.clone(), self.fingerprint) {
                Role::Leader(leader) => Some(leader),
                Role::Stranger => None,
                Role::Follower(follower) => {
                    let left = give_up.saturating_since(clock::now());
                    match within(left, follower).await {
                        None => return self.refused(IdempotencyError::InProgress),
                        Some(End::Answer(bytes)) => {
                            return Ok(Begun::Answer { bytes, how: result::JOINED });
                        }
                        Some(End::Failed(error)) => return self.refused(error),
                        Some(End::Again) => continue,
                    }
                }
            };
            return self.lead(leader, give_up).await;
        }
    }

    /// Asks the store until it has an answer or the time to wait has passed. A leader that is dropped
    /// on the way sends its followers to look for themselves.
    async fn lead(
        &self,
        leader: Option<Leader>,
        give_up: Timestamp,
    ) -> Result<Begun<'_>, IdempotencyError> {
        let owner = Owner((u128::from(random::next()) << 64) | u128::from(random::next()));
        let mut asking = Asking { call: self, owner, open: false };
        let shared = |leader: Option<Leader>, error: IdempotencyError| {
            if let Some(leader) = leader {
                leader.end(End::Failed(error.clone()));
            }
            self.refused(error)
        };
        for look in 0_u32.. {
            let asked = clock::now();
            asking.open = true;
            let answer = self.ask(owner).await;
            // An answer that never came may have been an owner's.
            asking.open = answer.is_err();
            let left = match answer {
                Ok(Claimed::Owned { claim, was_unknown }) => {
                    let until = asked.saturating_add(self.lease);
                    return Ok(Begun::Run(Held::new(self, claim, leader, was_unknown, until)));
                }
                Ok(Claimed::Done { value }) => {
                    let bytes: Arc<[u8]> = Arc::from(value);
                    if let Some(leader) = leader {
                        leader.end(End::Answer(Arc::clone(&bytes)));
                    }
                    return Ok(Begun::Answer { bytes, how: result::REPLAYED });
                }
                Ok(Claimed::InFlight { left, .. }) => left,
                Ok(Claimed::Unknown { fence }) => {
                    return shared(leader, IdempotencyError::Unknown { fence });
                }
                Ok(Claimed::TooOften { claims }) => {
                    return shared(leader, IdempotencyError::TooOften { claims });
                }
                // The followers may bring the right arguments.
                Ok(Claimed::Mismatch) => return self.refused(IdempotencyError::KeyReused),
                Err(error) => {
                    let unread = matches!(
                        error.kind(),
                        StoreErrorKind::Corrupt | StoreErrorKind::Incompatible
                    );
                    if self.spec.run_when_store_down && !unread {
                        events::unguarded(self.spec.operation, self.key(), &error);
                        // Nothing is withdrawn: what was claimed guards a body that runs.
                        asking.open = false;
                        return Ok(Begun::Run(Held::without_store(self, leader)));
                    }
                    return shared(leader, IdempotencyError::of_store(error));
                }
            };
            let patience = give_up.saturating_since(clock::now());
            if patience.is_zero() {
                break;
            }
            // An owner that has vanished is noticed when its lease ends.
            let next = left.saturating_add(Duration::from_millis(1));
            pause(look_after(look, random::next()).min(next).min(patience)).await;
        }
        self.refused(IdempotencyError::InProgress)
    }

    fn request(&self, owner: Owner) -> ClaimRequest<'_> {
        let mut request = ClaimRequest::new(self.key(), owner);
        request.fingerprint = self.fingerprint;
        request.lease = self.lease;
        request.ttl = self.spec.ttl;
        request.max_claims = MAX_CLAIMS;
        request.on_unknown = match self.spec.on_unknown {
            UnknownPolicy::Hold => OnUnknown::Hold,
            UnknownPolicy::Rerun | UnknownPolicy::Reconcile => OnUnknown::Take,
        };
        request
    }

    /// Asks, and once more if the connection broke: the same owner is told the same.
    async fn ask(&self, owner: Owner) -> Result<Claimed, StoreError> {
        let first = bounded(self.limit(), self.store.claim(self.request(owner))).await;
        match first {
            Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                bounded(self.limit(), self.store.claim(self.request(owner))).await
            }
            answer => answer,
        }
    }
}

/// A question that the store may have answered without anybody hearing it. What was claimed so is
/// given back in the background, where the store has a handle for it; else its lease ends.
struct Asking<'c, 'a> {
    call: &'c Call<'a>,
    owner: Owner,
    open: bool,
}

impl Drop for Asking<'_, '_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let Some(store) = self.call.store.handle() else { return };
        let (key, fingerprint) = (Arc::clone(self.call.key()), self.call.fingerprint);
        let (owner, lease, ttl) = (self.owner, self.call.lease, self.call.spec.ttl);
        let limit = self.call.limit();
        // A record that was taken over is as unknown as before.
        let taken = self.call.spec.on_unknown != UnknownPolicy::Hold;
        library::spawn(async move {
            let mut request = ClaimRequest::new(&key, owner);
            (request.fingerprint, request.lease, request.ttl) = (fingerprint, lease, ttl);
            // What is not claimed by now is not to be claimed any more.
            let peeked = bounded(limit, store.peek(&key)).await;
            let in_flight = matches!(
                peeked,
                Ok(Some(ref record)) if record.state == super::store::RecordState::InFlight
            );
            if !in_flight {
                return;
            }
            let Ok(Claimed::Owned { claim, .. }) = bounded(limit, store.claim(request)).await
            else {
                return;
            };
            let given_back = if taken {
                store.mark_unknown(&key, claim, NEVER_RUN)
            } else {
                store.release(&key, claim, NEVER_RUN)
            };
            // It was a courtesy: the lease ends in any case.
            let _ = bounded(limit, given_back).await;
        });
    }
}
