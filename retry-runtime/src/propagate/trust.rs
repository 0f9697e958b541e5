//! Whose headers are read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Extensions, HeaderMap};

/// Whose headers a server reads, and how far it believes them.
///
/// What a header can do is little: keep a handler from retrying, and shorten its time. Both make a
/// request fail sooner, nothing more; still that is up to those whose requests they are. A service
/// that the world can reach trusts its own proxies and peers, by address or by a secret that they
/// send:
///
/// ```
/// use std::net::{IpAddr, SocketAddr};
/// use retry_runtime::propagate::{Incoming, Trust};
///
/// #[derive(Clone)]
/// struct Peer(SocketAddr); // with axum: `ConnectInfo<SocketAddr>`
///
/// let trust = Trust::when(|origin| match origin.extension::<Peer>() {
///     Some(Peer(address)) => matches!(address.ip(), IpAddr::V4(ip) if ip.is_private()),
///     None => false,
/// });
///
/// let retried = http::Request::builder().header("steadfast-attempt", "2");
/// let mut request = retried.body(()).unwrap();
/// assert!(!Incoming::of(&request, &trust).is_retry());
///
/// request.extensions_mut().insert(Peer("10.0.0.7:4000".parse().unwrap()));
/// assert!(Incoming::of(&request, &trust).is_retry());
/// ```
#[derive(Clone, Default)]
pub struct Trust {
    rule: Rule,
    pub(super) grpc: bool,
    pub(super) max_timeout: Option<Duration>,
}

type Test = dyn Fn(&Origin<'_>) -> bool + Send + Sync;

#[derive(Clone, Default)]
enum Rule {
    #[default]
    Nobody,
    Everyone,
    When(Arc<Test>),
}

impl Trust {
    /// No headers are read. The default.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { rule: Rule::Nobody, grpc: false, max_timeout: None }
    }

    /// All headers are read: for a service that only its own kind can reach, as in a mesh.
    #[must_use]
    pub const fn everyone() -> Self {
        Self { rule: Rule::Everyone, grpc: false, max_timeout: None }
    }

    /// The headers of a request are read where `test` holds for where it comes from.
    ///
    /// A panic in `test` goes through to who asked.
    #[must_use]
    pub fn when(test: impl Fn(&Origin<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { rule: Rule::When(Arc::new(test)), grpc: false, max_timeout: None }
    }

    /// Also reads what gRPC clients send: `grpc-timeout`, and `grpc-previous-rpc-attempts`, the
    /// retries that the client's own policy made. Of two deadlines the earlier one holds.
    ///
    /// ```
    /// use retry_runtime::propagate::{Incoming, Trust};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("grpc-timeout", "250m".parse().unwrap());
    /// headers.insert("grpc-previous-rpc-attempts", "1".parse().unwrap());
    ///
    /// let incoming = Incoming::extract(&headers, &Trust::everyone().grpc());
    /// assert_eq!(incoming.attempt(), 2);
    /// assert!(incoming.remaining().unwrap().as_millis() <= 250);
    /// assert_eq!(Incoming::extract(&headers, &Trust::everyone()), Incoming::default());
    /// ```
    #[must_use]
    pub const fn grpc(mut self) -> Self {
        self.grpc = true;
        self
    }

    /// Takes an incoming deadline that is further away than `longest` for `longest`.
    ///
    /// Requests without a deadline stay without one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use retry_runtime::propagate::{Incoming, Trust};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("steadfast-timeout-ms", "3600000".parse().unwrap());
    ///
    /// let trust = Trust::everyone().max_timeout(Duration::from_secs(10));
    /// let remaining = Incoming::extract(&headers, &trust).remaining();
    /// assert!(remaining.unwrap() <= Duration::from_secs(10));
    /// ```
    #[must_use]
    pub const fn max_timeout(mut self, longest: Duration) -> Self {
        self.max_timeout = Some(longest);
        self
    }

    pub(super) fn holds(&self, origin: &Origin<'_>) -> bool {
        match &self.rule {
            Rule::Nobody => false,
            Rule::Everyone => true,
            Rule::When(test) => test(origin),
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.rule {
            Rule::Nobody => "nobody",
            Rule::Everyone => "everyone",
            Rule::When(_) => "when",
        };
        f.debug_struct("Trust")
            .field("rule", &format_args!("{rule}"))
            .field("grpc", &self.grpc)
            .field("max_timeout", &self.max_timeout)
            .finish()
    }
}

/// Where a request comes from, as a rule of [`Trust`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) extensions: Option<&'a Extensions>,
}

impl<'a> Origin<'a> {
    /// The headers of the request, for a secret or a name that a proxy of your own adds. What the
    /// sender itself can write proves nothing.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What the server knows of the connection: an address, a client certificate. `None` also where
    /// [`Incoming::extract`](super::Incoming::extract) has seen the headers only.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.and_then(Extensions::get)
    }
}
