//! What a store of idempotency records has to do, law by law.
//!
//! A record belongs to a key and is in one of four states:
//!
//! ```text
//!              claim                     complete
//!  (nothing) ─────────▶ in flight ───────────────────▶ done ── expires ──▶ (nothing)
//!      ▲   ▲              │  │ │  release
//!      │   └──────────────┘  │ └───────────▶ released ── claim ──▶ in flight
//!      │ sweep               │ lease over, or mark_unknown
//!      │                     ▼
//!      └─── resolve ──── unknown ── claim with `OnUnknown::Take` ──▶ in flight
//! ```
//!
//! **Laws**
//!
//! 1. Every operation is atomic: two callers never both own one key.
//! 2. The fence of a key grows with every claim and never repeats while the record exists; a write is
//!    made only if fence *and* owner of the record in flight are those of the claim.
//! 3. Time is the store's own. What a caller brings are durations, so that a node whose clock is wrong
//!    changes nothing.
//! 4. A record in flight whose lease is over is *unknown*, whoever looks.
//! 5. An unknown record changes by [`claim`](IdempotencyStore::claim) with [`OnUnknown::Take`] or by
//!    [`resolve`](IdempotencyStore::resolve) alone, and is never swept before its own expiry.
//! 6. A done record answers with the bytes it was completed with until it expires.
//! 7. A claim with another fingerprint changes nothing, whatever the state of the record. Where the
//!    record or the claim has none, they fit.
//! 8. An operation whose answer was lost may be repeated: a `complete` that has already been made by the
//!    same owner and fence answers as it did the first time, and so do `release` and `mark_unknown`. A
//!    claim that is repeated with the same owner is answered with the fence it got.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The future of a store's operation.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Who claims: drawn at random for each call, so that two claims never have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner(pub u128);

/// Proof of a claim: what every later write of its owner shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Who holds it.
    pub owner: Owner,
    /// Its number among the claims of the key; the first is 1.
    pub fence: u64,
}

/// What a claim does about an unknown record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// Leaves it.
    #[default]
    Hold,
    /// Takes it over, with a new fence.
    Take,
}

/// A request to own a key.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClaimRequest<'a> {
    /// Scope and key, at most 512 bytes of printable ASCII.
    pub key: &'a str,
    /// Who asks.
    pub owner: Owner,
    /// A digest of what the key was used for; equal keys with different ones are a mistake of the
    /// caller's.
    pub fingerprint: Option<[u8; 32]>,
    /// How long the claim holds without being renewed.
    pub lease: Duration,
    /// How long the record is kept once it is done, released or unknown.
    pub ttl: Duration,
    /// What to do about an unknown record.
    pub on_unknown: OnUnknown,
    /// Claims of one key before it is refused as [`Claimed::TooOften`].
    pub max_claims: u32,
}

impl<'a> ClaimRequest<'a> {
    /// A request with the defaults: a lease of 30 s, a record kept for a day, 100 claims.
    #[must_use]
    pub const fn new(key: &'a str, owner: Owner) -> Self {
        Self {
            key,
            owner,
            fingerprint: None,
            lease: Duration::from_secs(30),
            ttl: Duration::from_secs(24 * 60 * 60),
            on_unknown: OnUnknown::Hold,
            max_claims: 100,
        }
    }
}

/// The answer to a [`ClaimRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claimed {
    /// The caller owns the key now.
    Owned {
        /// What its writes have to show.
        claim: Claim,
        /// Whether an unknown record was taken over.
        was_unknown: bool,
    },
    /// Somebody else owns it.
    InFlight {
        /// The fence of the owner.
        fence: u64,
        /// What is left of the owner's lease.
        left: Duration,
    },
    /// The answer is known.
    Done {
        /// The bytes it was completed with.
        value: Vec<u8>,
    },
    /// Nobody knows whether the effect happened.
    Unknown {
        /// The fence of the claim that ended so.
        fence: u64,
    },
    /// The key was used with another fingerprint.
    Mismatch,
    /// The key was claimed `max_claims` times without an answer.
    TooOften {
        /// How often.
        claims: u32,
    },
}

/// How a write of an owner went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The write was made, now or when it was first asked for.
    Made,
    /// The claim no longer owns the key, and nothing was written.
    Lost {
        /// The fence that the record has now, if there is one.
        fence: Option<u64>,
    },
}

/// The state of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordState {
    /// An owner is at work, and its lease holds.
    InFlight,
    /// The answer is stored.
    Done,
    /// The last owner failed in a way that may be tried again.
    Released,
    /// The last owner vanished, or could not tell what became of its work.
    Unknown,
}

/// A record as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Scope and key.
    pub key: String,
    /// Its state.
    pub state: RecordState,
    /// The fence of the last claim.
    pub fence: u64,
    /// Claims so far.
    pub claims: u32,
    /// The stored bytes of a done record.
    pub value: Option<Vec<u8>>,
    /// What is known of an unknown or released record: the failure's class and text.
    pub note: Option<String>,
    /// Until the record is forgotten.
    pub expires_in: Duration,
}

impl Record {
    /// A record of nothing but its key, state and fence.
    #[must_use]
    pub const fn new(key: String, state: RecordState, fence: u64) -> Self {
        Self { key, state, fence, claims: 1, value: None, note: None, expires_in: Duration::ZERO }
    }
}

/// What an operator decides about an unknown record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The effect happened, with this answer.
    Done(Vec<u8>),
    /// The effect did not happen: the next call may run, however often the key was claimed before.
    NotDone,
}

/// What a store survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// Records survive the death of the process and of the machine.
    pub durable: bool,
    /// Every process that uses the store sees the same records.
    pub shared: bool,
}

/// Why a store could not do what it was asked.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// The kinds of [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store cannot be reached, is loading, read-only or out of memory: it may be asked again.
    Unavailable,
    /// No room for another record: nothing was evicted for it.
    Full,
    /// A record cannot be read.
    Corrupt,
    /// A record was written by a newer version.
    Incompatible,
    /// Another process, or another store of this one, has the store's file open. It can be opened
    /// again when that one is gone.
    InUse,
    /// The store refuses: permission, wrong type under the key, a schema that is missing.
    Refused,
}

impl StoreError {
    /// An error with the words of whoever reports it.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}

/// Where idempotency records live. The module's page has the laws; the conformance suite checks them.
///
/// Every operation answers in bounded time: an implementation over a network has timeouts of its own.
pub trait IdempotencyStore: Send + Sync {
    /// Its name in logs and metrics: `memory`, `redis`, …
    fn name(&self) -> &'static str;

    /// What it survives.
    fn guarantees(&self) -> Guarantees;

    /// Tells stores of one process apart: callers of one key that meet in stores of the same name and
    /// identity share one run. By default the address; a store whose clones share their records says
    /// what they share.
    fn identity(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }

    /// The same records behind a handle that outlives the borrow: for what goes on after the call has
    /// ended, such as another try at storing an answer. A store whose clones share their records
    /// returns one; any store has one in an [`Arc`].
    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        None
    }

    /// Asks for a key.
    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed>;

    /// Prolongs a claim: its lease ends `lease` from now.
    fn renew<'a>(&'a self, key: &'a str, claim: Claim, lease: Duration)
    -> StoreFuture<'a, Written>;

    /// Stores the answer for `ttl` from now. [`StoreErrorKind::Full`] and
    /// [`StoreErrorKind::Refused`] say that it is these bytes that have no place: the caller then
    /// stores a short mark instead. Any other error is taken for the store's, and the write is tried
    /// again.
    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written>;

    /// Gives the key up: the next claim may run. `note` says why.
    fn release<'a>(&'a self, key: &'a str, claim: Claim, note: &'a str)
    -> StoreFuture<'a, Written>;

    /// Says that nobody knows what became of the work.
    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written>;

    /// [`mark_unknown`](Self::mark_unknown) from a destructor: at once, or not at all. A store that
    /// cannot do it without waiting does nothing; the lease will end.
    fn abandon(&self, key: &str, claim: Claim) {
        let _ = (key, claim);
    }

    /// The record of a key, if there is one.
    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>>;

    /// Unknown records, at most `most`, in the order of their keys, those behind `after`.
    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>>;

    /// Decides about an unknown record, if it still has this fence.
    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written>;

    /// Forgets what has expired, in bounded steps, and says how many records that were.
    fn sweep(&self) -> StoreFuture<'_, u64>;

    /// What about the store's own configuration breaks its promises: eviction, missing persistence,
    /// lagging replicas. Empty when all is well.
    fn audit(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
