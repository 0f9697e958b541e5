//! Bodies that count, errors of every class, and a store whose answers a test can spoil.

use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retry_runtime::__private::{Ended, Key, Replay, Spec, describe, run};
use retry_runtime::idempotency::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyError, IdempotencyStore, MemoryStore,
    Record, RecordState, Resolution, StoreError, StoreErrorKind, StoreFuture, Written,
};
use retry_runtime::{Classification, Classify, Kind};

/// A failure of the class it names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Failure {
    Permanent,
    Transient,
    Timeout,
    Throttled,
    Conflict,
    Refused,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?} at https://user:secret@host/pay?card=4242")
    }
}

impl Classify for Failure {
    fn classify(&self) -> Classification {
        match self {
            Self::Permanent => Classification::permanent(),
            Self::Transient => Classification::retryable(),
            Self::Timeout => Classification::retryable().kind(Kind::Timeout),
            Self::Throttled => Classification::retryable().kind(Kind::Throttled),
            Self::Conflict => Classification::retryable().kind(Kind::Conflict),
            Self::Refused => Classification::retryable().unsent(),
        }
    }
}

pub(crate) type Answer = Result<String, Failure>;

pub(crate) fn ended(outcome: Answer) -> Ended<Answer> {
    let class = outcome.as_ref().err().map(Failure::classify);
    let text = describe(outcome.as_ref().err().map(|error| error as &dyn std::fmt::Display));
    Ended::new(outcome, class).text(text)
}

pub(crate) fn key(order: &str) -> Key {
    Key::new().literal("order_").part(order)
}

pub(crate) static PLAIN: Spec = Spec::new("order_{order}", "tests::plain");

/// Runs with the plain settings.
pub(crate) async fn call<S: IdempotencyStore>(
    store: &S,
    order: &str,
    body: impl Future<Output = Answer>,
) -> Result<Answer, IdempotencyError> {
    call_as(&PLAIN, store, order, body).await
}

pub(crate) async fn call_as<S: IdempotencyStore>(
    spec: &'static Spec,
    store: &S,
    order: &str,
    body: impl Future<Output = Answer>,
) -> Result<Answer, IdempotencyError> {
    let body = async { ended(body.await) };
    run(spec, store, key(order), None, Replay::values(), body).await
}

/// Counts how often its effect happened.
#[derive(Debug, Default)]
pub(crate) struct Effect(AtomicU32);

impl Effect {
    pub(crate) fn happens(&self) -> u32 {
        self.0.fetch_add(1, SeqCst) + 1
    }

    pub(crate) fn times(&self) -> u32 {
        self.0.load(SeqCst)
    }

    /// A body that has its effect at once.
    pub(crate) fn pay(&self) -> impl Future<Output = Answer> + Send + '_ {
        async { Ok(format!("receipt {}", self.happens())) }
    }
}

pub(crate) async fn record<S: IdempotencyStore>(store: &S, order: &str) -> Option<Record> {
    store.peek(key(order).as_str()).await.expect("memory answers")
}

pub(crate) async fn state<S: IdempotencyStore>(store: &S, order: &str) -> Option<RecordState> {
    record(store, order).await.map(|record| record.state)
}

/// What a store does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It refuses at once.
    Down,
    /// It never answers, and does nothing.
    Hangs,
    /// It does what it is asked and never says so.
    Mute,
    /// It answers that the claim is somebody else's.
    Stolen,
    /// It has no room.
    Full,
}

/// Operations, what is wrong with them, and how often.
type Spoilt = Vec<(&'static str, Fault, usize)>;

/// A store over memory: another process's when its identity differs, slow when told, and at fault in
/// single operations.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) records: MemoryStore,
    faults: Arc<Mutex<Spoilt>>,
    identity: usize,
    /// Polls that every operation is pending for, before it is done and after.
    slow: usize,
    pub(crate) lends: bool,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl Remote {
    pub(crate) fn new() -> Self {
        Self::over(&MemoryStore::new())
    }

    /// As another process sees these records.
    pub(crate) fn over(records: &MemoryStore) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Self {
            records: records.clone(),
            faults: Arc::default(),
            identity: NEXT.fetch_add(1, SeqCst),
            slow: 0,
            lends: true,
            asked: Arc::default(),
        }
    }

    pub(crate) fn slow(mut self, polls: usize) -> Self {
        self.slow = polls;
        self
    }

    pub(crate) fn lends_nothing(mut self) -> Self {
        self.lends = false;
        self
    }

    /// The next `times` operations of this name are at fault.
    pub(crate) fn spoil(&self, operation: &'static str, fault: Fault, times: usize) {
        self.faults.lock().unwrap().push((operation, fault, times));
    }

    fn fault(&self, operation: &'static str) -> Fault {
        self.asked.fetch_add(1, SeqCst);
        for (name, fault, times) in self.faults.lock().unwrap().iter_mut() {
            if *name == operation && *times > 0 {
                *times = times.saturating_sub(1);
                return *fault;
            }
        }
        Fault::None
    }

    async fn through<T>(
        &self,
        operation: &'static str,
        work: StoreFuture<'_, T>,
        stolen: Option<T>,
    ) -> Result<T, StoreError> {
        let unavailable = |words: &str| StoreError::new(StoreErrorKind::Unavailable, words);
        let fault = self.fault(operation);
        for _ in 0..self.slow {
            tokio::task::yield_now().await;
        }
        match fault {
            Fault::Down => return Err(unavailable("connection refused")),
            Fault::Hangs => std::future::pending().await,
            Fault::Full => return Err(StoreError::new(StoreErrorKind::Full, "no room")),
            Fault::Stolen => return stolen.ok_or_else(|| unavailable("not of this operation")),
            Fault::None | Fault::Mute => {}
        }
        let answer = work.await;
        if fault == Fault::Mute {
            std::future::pending::<()>().await;
        }
        for _ in 0..self.slow {
            tokio::task::yield_now().await;
        }
        answer
    }
}

const LOST: Option<Written> = Some(Written::Lost { fence: Some(99) });

impl IdempotencyStore for Remote {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees { durable: true, shared: true }
    }

    fn identity(&self) -> usize {
        self.identity
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        self.lends.then(|| Arc::new(self.clone()) as _)
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(self.through("claim", self.records.claim(request), None))
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.through("renew", self.records.renew(key, claim, lease), LOST))
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.through("complete", self.records.complete(key, claim, value, ttl), LOST))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.through("release", self.records.release(key, claim, note), LOST))
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.through("mark_unknown", self.records.mark_unknown(key, claim, note), LOST))
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(self.through("peek", self.records.peek(key), None))
    }

    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(self.through("unknowns", self.records.unknowns(after, most), None))
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.through("resolve", self.records.resolve(key, fence, resolution), None))
    }

    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(self.through("sweep", self.records.sweep(), None))
    }
}

/// The results that the scope has seen, in order.
pub(crate) fn results(scope: &retry_runtime::testing::Scope) -> Vec<&'static str> {
    let events = scope.events().into_iter();
    events
        .filter_map(|event| match event {
            retry_runtime::testing::Event::Idempotent { result, .. } => Some(result),
            _ => None,
        })
        .collect()
}
