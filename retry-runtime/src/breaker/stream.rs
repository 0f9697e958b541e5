//! Transitions for who awaits them.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::events::{Callback, Subscription, Transition};

/// The most transitions that wait for a receiver. A breaker that changes often enough to fill this
/// between two looks is read from its snapshot.
const MOST_WAITING: usize = 1024;

/// The transitions of a breaker since this was made, each once and in order. It never ends.
///
/// A receiver that does not keep up loses nothing of the last 1024 transitions; older ones are
/// dropped and counted as [`missed`](Self::missed).
///
/// ```
/// use retry_runtime::breaker::{CircuitBreaker, State};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let breaker = CircuitBreaker::new("docs-stream");
/// let mut transitions = breaker.transitions();
/// breaker.force_open();
/// breaker.reset();
/// assert_eq!(transitions.next().await.to, State::ForcedOpen);
/// assert_eq!(transitions.next().await.to, State::Closed);
/// assert_eq!(transitions.missed(), 0);
/// # });
/// ```
pub struct Transitions<'a> {
    shared: Arc<Mutex<Waiting>>,
    _subscription: Subscription<'a>,
}

#[derive(Default)]
struct Waiting {
    transitions: VecDeque<Transition>,
    missed: u64,
    waker: Option<Waker>,
}

fn lock(shared: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Transitions<'a> {
    pub(super) fn new(subscribe: impl FnOnce(Callback) -> Subscription<'a>) -> Self {
        let shared = Arc::new(Mutex::new(Waiting::default()));
        let told = Arc::clone(&shared);
        let subscription = subscribe(Arc::new(move |transition| {
            let mut waiting = lock(&told);
            if waiting.transitions.len() == MOST_WAITING {
                waiting.transitions.pop_front();
                waiting.missed += 1;
            }
            waiting.transitions.push_back(transition.clone());
            let waker = waiting.waker.take();
            drop(waiting);
            // Code of the runtime: no lock is held while it runs.
            if let Some(waker) = waker {
                waker.wake();
            }
        }));
        Self { shared, _subscription: subscription }
    }

    /// The next transition, as soon as there is one.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: the transition is taken when the future is ready.
    pub async fn next(&mut self) -> Transition {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`next`](Self::next) for who polls: a stream of one's own is built on it.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Transition> {
        let mut waiting = lock(&self.shared);
        if let Some(transition) = waiting.transitions.pop_front() {
            return Poll::Ready(transition);
        }
        let old = match &waiting.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => waiting.waker.replace(cx.waker().clone()),
        };
        drop(waiting);
        drop(old);
        Poll::Pending
    }

    /// The next transition, if it has happened.
    pub fn try_next(&mut self) -> Option<Transition> {
        lock(&self.shared).transitions.pop_front()
    }

    /// Transitions that were dropped because too many waited.
    #[must_use]
    pub fn missed(&self) -> u64 {
        lock(&self.shared).missed
    }
}

impl fmt::Debug for Transitions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = lock(&self.shared).transitions.len();
        f.debug_struct("Transitions").field("waiting", &waiting).finish_non_exhaustive()
    }
}
