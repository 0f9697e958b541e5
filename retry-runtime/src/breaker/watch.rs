//! Slow calls are noticed in flight: a timer beside the body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::CircuitBreaker;
use super::permit::Leave;
use crate::drivers::clock;

/// Whose call is watched.
pub(super) struct Watching<'a> {
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) leave: &'a mut Leave,
}

/// A body that is counted as slow while it still runs. Only then is there a timer, made when the
/// body first waits; dropping this drops it.
#[must_use = "futures do nothing unless awaited"]
pub(super) struct Watched<'a, F, S> {
    /// `None` where nobody measures.
    watching: Option<Watching<'a>>,
    body: Pin<&'a mut F>,
    sleep: fn(Duration) -> S,
    timer: Option<S>,
}

impl<'a, F, S> Watched<'a, F, S> {
    pub(super) fn new(
        watching: Option<Watching<'a>>,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> S,
    ) -> Self {
        Self { watching, body, sleep, timer: None }
    }
}

impl Watching<'_> {
    fn is_timed(&self) -> bool {
        self.breaker.settings.measures() && !self.leave.tag.is_spent()
    }

    #[cold]
    #[inline(never)]
    fn left(&self) -> Duration {
        let age = clock::now().as_nanos().saturating_sub(self.leave.started);
        Duration::from_nanos(self.breaker.settings.slow_call.saturating_sub(age))
    }

    #[cold]
    #[inline(never)]
    fn is_slow_now(&mut self) {
        // The timer says so, whatever the clock of a test does.
        self.breaker.ended(self.leave.take(), clock::now().as_nanos(), false, true);
    }
}

impl<F: Future, S: Future<Output = ()> + Unpin> Future for Watched<'_, F, S> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let poll = this.body.as_mut().poll(cx);
        if poll.is_pending()
            && let Some(watching) = &mut this.watching
            && watching.is_timed()
        {
            let timer = this.timer.get_or_insert_with(|| (this.sleep)(watching.left()));
            if Pin::new(timer).poll(cx).is_ready() {
                this.timer = None;
                watching.is_slow_now();
            }
        }
        poll
    }
}

impl<F, S> fmt::Debug for Watched<'_, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("timer", &self.timer.is_some()).finish_non_exhaustive()
    }
}
