//! What another process says of the attempt that sent a request, made to hold for the handler.

use std::future::Future;
use std::time::Duration;

use ::http::{HeaderMap, Request};

use super::read::said;
use super::run::Run;
use super::trust::{Origin, Trust};
use crate::context::{self, Ambient};
use crate::defaults;
use crate::drivers::clock;
use crate::time::Timestamp;

/// What surrounds a request: the attempt that sent it, and its deadline.
///
/// Where it holds ([`run`](Self::run), [`enter`](Self::enter)), annotated functions do not retry a
/// request that is a retry, conflicts excepted, and keep within its deadline. It adds to what holds
/// there already: a deadline can only become earlier.
///
/// The default is what surrounds a request without headers: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming(Ambient);

impl Default for Incoming {
    fn default() -> Self {
        Self(Ambient::NOTHING)
    }
}

impl Incoming {
    /// Reads the headers of a request that arrives now, if its sender is trusted.
    ///
    /// A rule that asks for more than headers does not hold; see [`of`](Self::of).
    ///
    /// ```
    /// use retry_runtime::propagate::{Incoming, Trust};
    ///
    /// let mut headers = http::HeaderMap::new();
    /// headers.insert("steadfast-attempt", "3".parse().unwrap());
    ///
    /// let incoming = Incoming::extract(&headers, &Trust::everyone());
    /// assert_eq!((incoming.attempt(), incoming.remaining()), (3, None));
    /// ```
    #[must_use]
    pub fn extract(headers: &HeaderMap, trust: &Trust) -> Self {
        Self::from_origin(&Origin { headers, extensions: None }, trust)
    }

    /// Reads the headers of a request that arrives now, if its sender is trusted.
    #[must_use]
    pub fn of<B>(request: &Request<B>, trust: &Trust) -> Self {
        let (headers, extensions) = (request.headers(), Some(request.extensions()));
        Self::from_origin(&Origin { headers, extensions }, trust)
    }

    fn from_origin(origin: &Origin<'_>, trust: &Trust) -> Self {
        let said = said(origin.headers, trust.grpc);
        let retry = said.attempt > 1;
        // Nothing to believe, nobody to ask.
        if (!retry && said.timeout.is_none()) || !trust.holds(origin) {
            return Self::default();
        }
        let now = clock::now();
        let mut ambient = Ambient::NOTHING;
        if retry {
            ambient.attempt = said.attempt;
            ambient.suppressed_until =
                now.saturating_add(said.suppress.unwrap_or(defaults::MAX_DELAY));
        }
        if let Some(timeout) = said.timeout {
            let timeout = trust.max_timeout.map_or(timeout, |longest| timeout.min(longest));
            ambient.deadline = now.saturating_add(timeout);
        }
        Self(ambient)
    }

    /// What surrounds the running attempt.
    pub(super) fn current() -> Self {
        let mut ambient = context::current();
        if ambient.suppressed_until > Timestamp::ZERO {
            // Where the attempt's age was never asked for it would stay young in another task.
            ambient.suppressed_until = context::stamped(ambient, clock::now());
        }
        Self(ambient)
    }

    /// The number of the attempt that sent the request; 1 where nothing is known.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Whether the request is a retry.
    #[must_use]
    pub const fn is_retry(&self) -> bool {
        self.0.attempt > 1
    }

    /// Time left until the sender's deadline; `None` without one.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.0.deadline;
        (deadline != Timestamp::MAX).then(|| deadline.saturating_since(clock::now()))
    }

    /// Makes it hold wherever `future` is polled, `join!` and `select!` inside included. Tasks that
    /// it spawns inherit nothing, unless [wrapped](super::with_current).
    ///
    /// ```
    /// use retry_runtime::propagate::{Incoming, Trust, headers};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let mut received = http::HeaderMap::new();
    /// received.insert("steadfast-attempt", "2".parse().unwrap());
    ///
    /// let incoming = Incoming::extract(&received, &Trust::everyone());
    /// let sent = incoming.run(async { headers() }).await;
    /// assert_eq!(sent["steadfast-attempt"], "2");
    /// assert!(headers().is_empty());
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// Nothing is held between polls, so there is nothing to leave behind.
    pub fn run<F: Future>(&self, future: F) -> Run<F> {
        Run::new(*self, future)
    }

    /// Makes it hold while `work` runs on this thread; also if `work` panics, no longer.
    ///
    /// It takes a closure and gives no guard, because a guard that is held over an `.await` would
    /// speak to whatever task the thread polls next.
    pub fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.0 == Ambient::NOTHING {
            return work();
        }
        let _entered = context::enter(self.within(context::current()));
        work()
    }

    /// What holds inside `outer`.
    fn within(self, outer: Ambient) -> Ambient {
        Ambient {
            suppressed_until: outer.suppressed_until.max(self.0.suppressed_until),
            deadline: outer.deadline.min(self.0.deadline),
            attempt: outer.attempt.max(self.0.attempt),
        }
    }
}
