//! A future that is polled inside what surrounds it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::incoming::Incoming;

pin_project! {
    /// A future that runs inside an [`Incoming`]; see [`Incoming::run`].
    #[derive(Clone, Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Run<F> {
        incoming: Incoming,
        #[pin]
        future: F,
    }
}

impl<F> Run<F> {
    pub(super) fn new(incoming: Incoming, future: F) -> Self {
        Self { incoming, future }
    }
}

impl<F: Future> Future for Run<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.incoming.enter(|| this.future.poll(cx))
    }
}
