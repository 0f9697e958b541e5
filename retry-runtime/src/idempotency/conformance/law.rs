//! What the checks share: claims and writes that must succeed, and the words of those that do not.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::super::store::{
    Claim, ClaimRequest, Claimed, IdempotencyStore, OnUnknown, Owner, Record, RecordState,
    StoreError, Written,
};
use crate::drivers::random;

/// Long enough that nothing of it passes during a check.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Checks a law, or says which is broken.
macro_rules! law {
    ($holds:expr, $law:expr, $($words:tt)+) => {
        if !$holds {
            $crate::idempotency::conformance::law::broken($law, &format!($($words)+));
        }
    };
}
pub(super) use law;

#[track_caller]
pub(super) fn broken(law: &str, words: &str) -> ! {
    panic!("the store breaks {law}: {words}")
}

/// One run of the suite: a store, its time, and names that nobody else has.
pub(super) struct Run<'a, S: ?Sized, P> {
    pub(super) store: &'a S,
    pass: P,
    prefix: String,
    next: AtomicU64,
}

impl<'a, S: IdempotencyStore + ?Sized, P: AsyncFn(Duration)> Run<'a, S, P> {
    pub(super) fn new(store: &'a S, pass: P) -> Self {
        let prefix = format!("conformance-{:016x}-", random::next());
        Self { store, pass, prefix, next: AtomicU64::new(1) }
    }

    /// Lets time pass, and a little more, so that the moment itself is behind.
    pub(super) async fn pass(&self, time: Duration) {
        (self.pass)(time + Duration::from_millis(60)).await;
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn owner(&self) -> Owner {
        let low = self.next.fetch_add(1, Relaxed);
        Owner((u128::from(random::next()) << 64) | u128::from(low))
    }

    /// A request whose lease and record last.
    pub(super) fn request<'k>(&self, key: &'k str) -> ClaimRequest<'k> {
        let mut request = ClaimRequest::new(key, self.owner());
        request.lease = LONG;
        request.ttl = LONG;
        request
    }

    pub(super) async fn claim(&self, request: ClaimRequest<'_>) -> Claimed {
        answered(self.store.claim(request).await, "claim")
    }

    /// Claims a key that is free.
    pub(super) async fn own(&self, request: ClaimRequest<'_>) -> Claim {
        let answer = self.claim(request).await;
        owned(answer, request)
    }

    /// A claim that somebody makes who does not hold the key, and gets nothing by it.
    pub(super) async fn look(&self, key: &str) -> Claimed {
        self.claim(self.request(key)).await
    }

    /// Claims an unknown record.
    pub(super) async fn take_over(&self, key: &str) -> Claim {
        let mut request = self.request(key);
        request.on_unknown = OnUnknown::Take;
        self.own(request).await
    }

    pub(super) async fn complete(&self, key: &str, claim: Claim, value: &[u8]) -> Written {
        answered(self.store.complete(key, claim, value, LONG).await, "complete")
    }

    pub(super) async fn release(&self, key: &str, claim: Claim) -> Written {
        answered(self.store.release(key, claim, "timed out").await, "release")
    }

    pub(super) async fn mark_unknown(&self, key: &str, claim: Claim) -> Written {
        answered(self.store.mark_unknown(key, claim, "reset").await, "mark_unknown")
    }

    pub(super) async fn renew(&self, key: &str, claim: Claim, lease: Duration) -> Written {
        answered(self.store.renew(key, claim, lease).await, "renew")
    }

    pub(super) async fn peek(&self, key: &str) -> Option<Record> {
        answered(self.store.peek(key).await, "peek")
    }

    pub(super) async fn state(&self, key: &str) -> Option<RecordState> {
        self.peek(key).await.map(|record| record.state)
    }

    pub(super) async fn sweep(&self) -> u64 {
        answered(self.store.sweep().await, "sweep")
    }
}

#[track_caller]
pub(super) fn answered<T>(answer: Result<T, StoreError>, operation: &str) -> T {
    answer.unwrap_or_else(|error| {
        panic!("the store did not answer `{operation}`: {error} ({:?})", error.kind())
    })
}

#[track_caller]
pub(super) fn owned(answer: Claimed, request: ClaimRequest<'_>) -> Claim {
    match answer {
        Claimed::Owned { claim, .. } => {
            law!(
                claim.owner == request.owner,
                "law 2",
                "a claim is answered with the owner that made it"
            );
            claim
        }
        other => broken("law 1", &format!("a free key is owned by who claims it, not {other:?}")),
    }
}

#[track_caller]
pub(super) fn made(written: Written, law: &str, words: &str) {
    law!(written == Written::Made, law, "{words}, not {written:?}");
}

#[track_caller]
pub(super) fn lost(written: Written, law: &str, words: &str) {
    law!(matches!(written, Written::Lost { .. }), law, "{words}, not {written:?}");
}

/// Compares, with words.
#[track_caller]
pub(super) fn same<T: PartialEq + Debug>(found: &T, expected: &T, law: &str, words: &str) {
    law!(found == expected, law, "{words}: {found:?} instead of {expected:?}");
}
