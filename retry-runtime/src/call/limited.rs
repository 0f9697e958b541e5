//! An attempt of an async function that may be cut off.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Running;
use crate::attempt::Limit;

/// An attempt that may be cut off.
#[must_use = "futures do nothing unless awaited"]
pub struct Limited<'a, F, T> {
    running: Running<'a, F>,
    sleep: fn(Duration) -> T,
    /// Armed when the body first waits.
    timer: Option<(T, Limit)>,
}

impl<'a, F, T> Limited<'a, F, T> {
    #[inline]
    pub(super) fn new(running: Running<'a, F>, sleep: fn(Duration) -> T) -> Self {
        Self { running, sleep, timer: None }
    }
}

impl<F, T> Future for Limited<'_, F, T>
where
    F: Future + Unpin,
    T: Future<Output = ()> + Unpin,
{
    type Output = Result<F::Output, Limit>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.running).poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if this.timer.is_none() {
            let Some((left, limit)) = this.running.left() else { return Poll::Pending };
            this.timer = Some(((this.sleep)(left), limit));
        }
        match &mut this.timer {
            Some((timer, limit)) => Pin::new(timer).poll(cx).map(|()| Err(*limit)),
            None => Poll::Pending,
        }
    }
}
