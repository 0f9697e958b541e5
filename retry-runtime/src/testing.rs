//! Tests that share no static and wait for nothing.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::budget::{KeyedBudget, RetryBudget};
use crate::engine::StopReason;
use crate::operation::{Operation, State};
use crate::shard::Watch;
use crate::telemetry::snapshot::{self, OperationSnapshot};
use crate::time::Timestamp;

/// What happened in a scope, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An attempt failed and will be tried again.
    Retried {
        /// The operation.
        operation: &'static str,
        /// The attempt that failed; the first is 1.
        attempt: u32,
        /// The delay that followed.
        delay: Duration,
    },
    /// A call ended.
    Ended {
        /// The operation.
        operation: &'static str,
        /// Calls of the body.
        attempts: u32,
        /// Why it ended.
        reason: StopReason,
    },
    /// An idempotent call ended, or something became of it later.
    #[cfg(feature = "idempotent")]
    Idempotent {
        /// The operation.
        operation: &'static str,
        /// `ran`, `replayed`, `joined`, `in_progress`, …: the words of the metrics.
        result: &'static str,
    },
}

struct Inner {
    random: SmallRng,
    now: Timestamp,
    events: Vec<Event>,
    operations: HashMap<usize, (&'static Operation, Arc<State>)>,
    /// Of whatever else is shared, by type and address.
    copies: HashMap<(TypeId, usize), Arc<dyn Any + Send + Sync>>,
    #[cfg(feature = "idempotent")]
    store: crate::idempotency::MemoryStore,
}

#[derive(Clone)]
struct Handle(Arc<Mutex<Inner>>);

thread_local! {
    static SCOPE: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// A world of its own for the test that holds it: fresh budgets, statistics and memory store, a clock
/// that delays advance instead of passing, a seed, and the recorded events.
///
/// It holds on the thread that made it until it is dropped. Other threads and spawned tasks are in
/// it through [`Scope::run`] and [`ScopeHandle::enter`].
///
/// Timeouts are not delays: `attempt_timeout` and the cut at a `deadline` still wait on the
/// runtime's timer, which tokio's paused clock moves.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::{Classification, RetryPolicy, testing};
///
/// static POLICY: RetryPolicy = RetryPolicy::new().base_delay(Duration::from_secs(3600));
///
/// let scope = testing::scope();
/// let mut calls = 0;
/// let answer = POLICY.call(|_| {
///     calls += 1;
///     if calls < 3 { Err(std::io::Error::from(std::io::ErrorKind::TimedOut)) } else { Ok(calls) }
/// });
/// assert_eq!(answer.unwrap(), 3);        // at once: nothing slept
/// assert_eq!(scope.events().len(), 3);   // two retries, one end
/// ```
#[must_use = "the scope ends when it is dropped"]
pub struct Scope {
    handle: Handle,
    _entered: Entered,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("events", &self.events()).finish_non_exhaustive()
    }
}

/// A scope with the seed 0.
pub fn scope() -> Scope {
    scope_with_seed(0)
}

/// A scope whose random numbers follow from `seed`: the same seed, the same delays.
pub fn scope_with_seed(seed: u64) -> Scope {
    let handle = Handle(Arc::new(Mutex::new(Inner {
        random: SmallRng::seed_from_u64(seed),
        now: Timestamp::from_nanos(1_000_000_000),
        events: Vec::new(),
        operations: HashMap::new(),
        copies: HashMap::new(),
        #[cfg(feature = "idempotent")]
        store: crate::idempotency::MemoryStore::new(),
    })));
    Scope { _entered: Entered::enter(&handle), handle }
}

impl Scope {
    /// What happened so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.handle.lock().events.clone()
    }

    /// Moves the clock of the scope.
    pub fn advance(&self, by: Duration) {
        let mut inner = self.handle.lock();
        inner.now = inner.now.saturating_add(by);
    }

    /// The time that delays and [`advance`](Self::advance) have let pass.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.handle.lock().now.saturating_since(Timestamp::from_nanos(1_000_000_000))
    }

    /// Takes a future into the scope, for a task that is spawned.
    pub fn run<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Inside { future: Some(Box::pin(future)), handle: self.handle.clone() }
    }

    /// Takes the current thread into the scope, until the guard is dropped. For threads: call it
    /// through [`Scope::handle`].
    #[must_use]
    pub fn handle(&self) -> ScopeHandle {
        ScopeHandle(self.handle.clone())
    }
}

/// A way into a [`Scope`] that other threads can take.
#[derive(Clone)]
pub struct ScopeHandle(Handle);

impl ScopeHandle {
    /// Runs `work` on this thread inside the scope.
    pub fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = Entered::enter(&self.0);
        work()
    }
}

impl std::fmt::Debug for ScopeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScopeHandle")
    }
}

impl Handle {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entered {
    outer: Option<Handle>,
    _watch: Watch,
    // The guard belongs to its thread.
    _thread: std::marker::PhantomData<*const ()>,
}

impl Entered {
    fn enter(handle: &Handle) -> Self {
        let outer = SCOPE.replace(Some(handle.clone()));
        Self { outer, _watch: Watch::begin(), _thread: std::marker::PhantomData }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        SCOPE.replace(self.outer.take());
    }
}

struct Inside<F> {
    /// `None` only while it is dropped.
    future: Option<Pin<Box<F>>>,
    handle: Handle,
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = Entered::enter(&this.handle);
        match &mut this.future {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Inside<F> {
    fn drop(&mut self) {
        // What ends with the future ends in the scope.
        let _entered = Entered::enter(&self.handle);
        self.future = None;
    }
}

/// The scope of this thread, for another one that works for it.
#[cfg(feature = "idempotent")]
pub(crate) fn current() -> Option<ScopeHandle> {
    SCOPE.try_with(|scope| scope.borrow().clone()).ok().flatten().map(ScopeHandle)
}

/// A future that a task goes on with, in the scope that it was made in.
#[cfg(feature = "idempotent")]
pub(crate) fn inherited<F>(future: F) -> Pin<Box<dyn Future<Output = F::Output> + Send>>
where
    F: Future + Send + 'static,
{
    match current() {
        Some(ScopeHandle(handle)) => Box::pin(Inside { future: Some(Box::pin(future)), handle }),
        None => Box::pin(future),
    }
}

fn with<R>(use_it: impl FnOnce(&mut Inner) -> R) -> Option<R> {
    // A future that a thread-local keeps may be dropped after this one is gone.
    let handle = SCOPE.try_with(|scope| scope.borrow().clone()).ok()??;
    Some(use_it(&mut handle.lock()))
}

pub(crate) fn manual_now() -> Option<Timestamp> {
    with(|inner| inner.now)
}

pub(crate) fn seeded_random() -> Option<u64> {
    with(|inner| inner.random.next_u64())
}

/// Lets a delay pass without waiting, if there is a scope.
pub(crate) fn skip_sleep(delay: Duration) -> bool {
    with(|inner| inner.now = inner.now.saturating_add(delay)).is_some()
}

pub(crate) fn record(event: Event) {
    with(|inner| inner.events.push(event));
}

/// The scope's own counters of an operation.
pub(crate) fn state(operation: &'static Operation) -> Option<Arc<State>> {
    with(|inner| {
        let address = std::ptr::from_ref(operation).addr();
        let entry = inner.operations.entry(address);
        entry.or_insert_with(|| (operation, Arc::new(State::new()))).1.clone()
    })
}

/// The scope's own counters of an operation that has run in it.
pub(crate) fn state_if_any(operation: &'static Operation) -> Option<Arc<State>> {
    with(|inner| {
        let address = std::ptr::from_ref(operation).addr();
        // In a scope, what has not run in it has not run.
        inner.operations.get(&address).map_or_else(Arc::default, |(_, state)| Arc::clone(state))
    })
}

/// The scope's own copy of a shared budget.
pub(crate) fn budget(budget: &'static RetryBudget) -> Option<Arc<RetryBudget>> {
    copy(budget, RetryBudget::fresh)
}

/// The scope's own copy of a static, made fresh when it is first asked for.
pub(crate) fn copy<T: Any + Send + Sync>(
    original: &'static T,
    fresh: impl FnOnce(&T) -> T,
) -> Option<Arc<T>> {
    with(|inner| {
        let address = (TypeId::of::<T>(), std::ptr::from_ref(original).addr());
        let copy = inner.copies.entry(address).or_insert_with(|| Arc::new(fresh(original)));
        Arc::clone(copy).downcast().ok()
    })?
}

/// The scope's own copy of a budget that is kept for each key.
pub(crate) fn keyed_budget(budget: &'static KeyedBudget) -> Option<Arc<KeyedBudget>> {
    copy(budget, KeyedBudget::fresh)
}

/// The scope's own default store.
#[cfg(feature = "idempotent")]
pub(crate) fn store() -> Option<crate::idempotency::MemoryStore> {
    with(|inner| inner.store.clone())
}

pub(crate) fn snapshot() -> Option<Vec<OperationSnapshot>> {
    with(|inner| {
        inner.operations.values().map(|(operation, state)| snapshot::of(operation, state)).collect()
    })
}
