//! The same as layers, for everything that is a `tower` service of HTTP requests: axum, hyper, tonic.

use std::sync::Arc;
use std::task::{Context, Poll};

use ::http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::{Incoming, Run, Trust, inject, remove};

/// Makes what a request says of its sender's attempt hold while the handler runs.
///
/// For servers. The headers are read from whom `trust` names and from nobody else; either way they
/// are taken off the request, because they speak of this hop, and a handler that passes all its
/// headers on must not pass on a stranger's. What was read is among the request's extensions, as an
/// [`Incoming`].
///
/// It holds until the response is there. A body that is streamed after that, and tasks that the
/// handler spawns, are outside; take the `Incoming` along, or wrap them in
/// [`with_current`](super::with_current).
///
/// ```
/// use http::{Request, Response};
/// use retry_runtime::propagate::{PropagateLayer, Trust, headers};
/// use tower_layer::Layer;
/// # use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
/// # use tower_service::Service;
/// # #[derive(Clone)]
/// # struct Handler;
/// # impl Service<Request<()>> for Handler {
/// #     type Response = Response<String>;
/// #     type Error = Infallible;
/// #     type Future = Ready<Result<Response<String>, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
/// #         Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, _: Request<()>) -> Self::Future {
/// #         let attempt = headers().get("steadfast-attempt").cloned();
/// #         ready(Ok(Response::new(format!("{:?}", attempt.unwrap()))))
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// // With axum: `Router::new().route(…).layer(PropagateLayer::new(Trust::everyone()))`
/// let mut service = PropagateLayer::new(Trust::everyone()).layer(Handler);
///
/// let request = Request::builder().header("steadfast-attempt", "2").body(()).unwrap();
/// let answer = service.call(request).await.unwrap();
/// assert_eq!(answer.body(), "\"2\"", "what the handler would send on");
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PropagateLayer {
    trust: Arc<Trust>,
}

impl PropagateLayer {
    /// A layer that reads the headers of those whom `trust` names.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self { trust: Arc::new(trust) }
    }
}

impl<S> Layer<S> for PropagateLayer {
    type Service = Propagate<S>;

    fn layer(&self, inner: S) -> Propagate<S> {
        Propagate { inner, trust: Arc::clone(&self.trust) }
    }
}

/// What [`PropagateLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct Propagate<S> {
    inner: S,
    trust: Arc<Trust>,
}

impl<S, B> Service<Request<B>> for Propagate<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Run<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Run<S::Future> {
        let incoming = Incoming::of(&request, &self.trust);
        remove(request.headers_mut());
        // A second layer further in sees no headers any more; what the first has read stays.
        let known = request.extensions().get::<Incoming>().is_some();
        if !known || incoming != Incoming::default() {
            request.extensions_mut().insert(incoming);
        }
        // Some services work before their future is polled.
        let future = incoming.enter(|| self.inner.call(request));
        incoming.run(future)
    }
}

/// Writes what surrounds the running attempt into every request.
///
/// For clients, and next to the caller: behind a buffer, which works in a task of its own, nothing
/// surrounds anything. Around the layer the body is retried; what is retried below it looks like one
/// attempt.
///
/// ```
/// use std::time::Duration;
/// use http::Request;
/// use retry_runtime::{RetryPolicy, propagate::InjectLayer};
/// use tower_layer::Layer;
/// # use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
/// # use tower_service::Service;
/// # #[derive(Clone)]
/// # struct Client;
/// # impl Service<Request<()>> for Client {
/// #     type Response = Option<http::HeaderValue>;
/// #     type Error = Infallible;
/// #     type Future = Ready<Result<Option<http::HeaderValue>, Infallible>>;
/// #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
/// #         Poll::Ready(Ok(()))
/// #     }
/// #     fn call(&mut self, request: Request<()>) -> Self::Future {
/// #         ready(Ok(request.headers().get("steadfast-timeout-ms").cloned()))
/// #     }
/// # }
///
/// static POLICY: RetryPolicy = RetryPolicy::new().deadline(Duration::from_secs(30));
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let client = InjectLayer::new().layer(Client);
/// let sent = POLICY.call_async(async |_| client.clone().call(Request::new(())).await.unwrap()).await;
/// assert!(sent.is_some(), "the request says how much time is left");
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct InjectLayer(());

impl InjectLayer {
    /// The layer.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for InjectLayer {
    type Service = Inject<S>;

    fn layer(&self, inner: S) -> Inject<S> {
        Inject { inner }
    }
}

/// What [`InjectLayer`] makes of a client.
#[derive(Clone, Debug)]
pub struct Inject<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Inject<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        inject(request.headers_mut());
        self.inner.call(request)
    }
}
