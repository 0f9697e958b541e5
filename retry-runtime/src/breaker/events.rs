//! Transitions, told once each and in order.
//!
//! Whoever makes a transition queues it under the breaker's lock, so the queue is in the order of
//! the generations. One thread at a time tells them, holding no lock while subscribers run.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// The breaker.
    pub name: &'static str,
    /// The state before.
    pub from: State,
    /// The state since.
    pub to: State,
    /// When. The end of a probe that never answered is dated to when it expired.
    pub at: Timestamp,
    /// Counts the periods of the breaker: later transitions have higher ones.
    pub generation: u64,
}

type Callback = Arc<dyn Fn(&Transition) + Send + Sync>;

struct Queue {
    waiting: VecDeque<Transition>,
    telling: bool,
    subscribers: Vec<(u64, Callback)>,
    next: u64,
}

pub(super) struct Events(Mutex<Queue>);

impl Events {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Queue {
            waiting: VecDeque::new(),
            telling: false,
            subscribers: Vec::new(),
            next: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        // A panicking subscriber goes through; what still waits is told with the next transition.
        let told = Telling(self);
        loop {
            let mut queue = self.lock();
            let Some(transition) = queue.waiting.pop_front() else {
                queue.telling = false;
                drop(queue);
                std::mem::forget(told);
                return;
            };
            let subscribers: Vec<Callback> =
                queue.subscribers.iter().map(|(_, callback)| Arc::clone(callback)).collect();
            drop(queue);
            tracing::info!(
                target: "steadfast::breaker",
                breaker = transition.name,
                from = %transition.from,
                to = %transition.to,
                "circuit breaker changed its state"
            );
            #[cfg(feature = "metrics")]
            crate::telemetry::metrics::breaker_transition(&transition);
            for subscriber in subscribers {
                subscriber(&transition);
            }
        }
    }

    pub(super) fn subscribe(&self, callback: Callback) -> Subscription<'_> {
        let mut queue = self.lock();
        let id = queue.next;
        queue.next += 1;
        queue.subscribers.push((id, callback));
        Subscription { events: self, id }
    }
}

struct Telling<'a>(&'a Events);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.lock().telling = false;
    }
}

/// Ends a subscription when dropped; [`detach`](Self::detach) keeps it for good.
#[must_use = "dropping it ends the subscription: keep it, or `detach` it"]
pub struct Subscription<'a> {
    events: &'a Events,
    id: u64,
}

impl Subscription<'_> {
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
    pub fn detach(self) {
        std::mem::forget(self);
    }
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        let id = self.id;
        let mut queue = self.events.lock();
        let index = queue.subscribers.iter().position(|(other, _)| *other == id);
        let gone = index.map(|index| queue.subscribers.remove(index));
        drop(queue);
        // What the callback owns is dropped outside the lock.
        drop(gone);
    }
}

impl fmt::Debug for Subscription<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
