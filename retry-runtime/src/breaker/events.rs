//! Transitions, told once each and in order.
//!
//! Whoever makes a transition queues it under the breaker's lock, so the queue is in the order of
//! the generations. One thread at a time tells them, holding no lock while subscribers run.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::owner::Owner;
use super::state::State;
use crate::time::Timestamp;

/// A breaker went from one state to another.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use retry_runtime::breaker::{CircuitBreaker, State};
///
/// let breaker = CircuitBreaker::new("docs-transition");
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let log = Arc::clone(&seen);
/// let subscription = breaker.subscribe(move |transition| {
///     log.lock().unwrap().push((transition.from, transition.to));
/// });
/// breaker.force_open();
/// drop(subscription);
/// breaker.reset();
/// assert_eq!(*seen.lock().unwrap(), [(State::Closed, State::ForcedOpen)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The breaker.
    pub name: &'static str,
    /// Which of the breakers of this name, where each key has one. Text of a user: nothing for a
    /// metric's label.
    pub key: Option<Arc<str>>,
    /// The state before.
    pub from: State,
    /// The state since.
    pub to: State,
    /// When. The end of a probe that never answered is dated to when it expired.
    pub at: Timestamp,
    /// Counts the periods of the breaker: later transitions have higher ones.
    pub generation: u64,
}

pub(super) type Callback = Arc<dyn Fn(&Transition) + Send + Sync>;

struct Queue {
    waiting: VecDeque<Transition>,
    telling: bool,
    subscribers: Vec<(u64, Callback)>,
    next: u64,
    /// Whose subscribers are told, too.
    family: Option<Arc<Events>>,
}

pub(super) struct Events(Mutex<Queue>);

impl Events {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Queue {
            waiting: VecDeque::new(),
            telling: false,
            subscribers: Vec::new(),
            next: 0,
            family: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the subscribers of `family`, too.
    pub(super) fn share(&self, family: Arc<Self>) {
        self.lock().family = Some(family);
    }

    pub(super) fn push(&self, transition: Transition) {
        self.lock().waiting.push_back(transition);
    }

    /// Tells what waits, unless another thread is at it: that one takes these along.
    pub(super) fn tell(&self) {
        let mut queue = self.lock();
        if queue.telling {
            return;
        }
        queue.telling = true;
        drop(queue);
        // One panicking subscriber keeps nothing from the others, and the breaker is not left
        // telling for ever.
        let mut panicked = None;
        loop {
            let mut queue = self.lock();
            let Some(transition) = queue.waiting.pop_front() else {
                queue.telling = false;
                break;
            };
            let mut subscribers = queue.subscribers.clone();
            if let Some(family) = &queue.family {
                subscribers.extend(family.lock().subscribers.iter().cloned());
            }
            drop(queue);
            let mut call = |tell: &dyn Fn()| {
                let ended = catch_unwind(AssertUnwindSafe(tell));
                panicked = panicked.take().or(ended.err());
            };
            call(&|| log(&transition));
            for (_, subscriber) in subscribers {
                call(&|| subscriber(&transition));
            }
        }
        // A second panic while the first unwinds would abort the process.
        if let Some(panic) = panicked
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }

    fn subscribe(&self, callback: Callback) -> u64 {
        let mut queue = self.lock();
        let id = queue.next;
        queue.next += 1;
        queue.subscribers.push((id, callback));
        id
    }

    fn unsubscribe(&self, id: u64) {
        let mut queue = self.lock();
        let index = queue.subscribers.iter().position(|(other, _)| *other == id);
        let gone = index.map(|index| queue.subscribers.remove(index));
        drop(queue);
        // What the callback owns is dropped outside the lock.
        drop(gone);
    }
}

fn log(transition: &Transition) {
    tracing::info!(
        target: "steadfast::breaker",
        breaker = transition.name,
        keyed = transition.key.is_some(),
        from = %transition.from,
        to = %transition.to,
        "circuit breaker changed its state"
    );
    #[cfg(feature = "metrics")]
    crate::telemetry::metrics::breaker_transition(transition);
}

/// Whose events somebody subscribed to.
enum Source<'a> {
    Borrowed(&'a Events),
    Breaker(Owner),
    Family(Arc<Events>),
}

impl Source<'_> {
    fn events(&self) -> &Events {
        match self {
            Self::Borrowed(events) => events,
            Self::Breaker(owner) => &owner.events,
            Self::Family(events) => events,
        }
    }
}

/// Ends a subscription when dropped; [`detach`](Self::detach) keeps it for good.
#[must_use = "dropping it ends the subscription: keep it, or `detach` it"]
pub struct Subscription<'a> {
    source: Source<'a>,
    id: u64,
}

impl<'a> Subscription<'a> {
    pub(super) fn of(events: &'a Events, callback: Callback) -> Self {
        Self { source: Source::Borrowed(events), id: events.subscribe(callback) }
    }

    pub(super) fn of_owner(owner: Owner, callback: Callback) -> Self {
        let id = owner.events.subscribe(callback);
        Self { source: Source::Breaker(owner), id }
    }

    pub(super) fn of_family(events: Arc<Events>, callback: Callback) -> Self {
        let id = events.subscribe(callback);
        Self { source: Source::Family(events), id }
    }

    /// Keeps the subscription for as long as the breaker lives.
    ///
    /// ```
    /// # use retry_runtime::breaker::CircuitBreaker;
    /// # use std::sync::atomic::{AtomicU32, Ordering};
    /// static TOLD: AtomicU32 = AtomicU32::new(0);
    /// let breaker = CircuitBreaker::new("docs-detach");
    /// breaker.subscribe(|_| { TOLD.fetch_add(1, Ordering::Relaxed); }).detach();
    /// breaker.disable();
    /// assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    /// ```
    pub fn detach(mut self) {
        self.id = DETACHED;
    }
}

/// No subscription has this number.
const DETACHED: u64 = u64::MAX;

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        if self.id != DETACHED {
            self.source.events().unsubscribe(self.id);
        }
    }
}

impl fmt::Debug for Subscription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
