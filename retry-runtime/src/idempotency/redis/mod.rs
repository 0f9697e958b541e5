//! Records in Redis or Valkey: for a fleet.
//!
//! One Lua script for each operation, so that each is atomic, and all on the server's clock, so that
//! a node whose clock is wrong changes nothing. Each script touches exactly one key, which it is given:
//! what a cluster demands. Knows nothing of what a record is for.

mod audit;
mod errors;
mod link;
mod reply;
mod scripts;
mod unknowns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::ConnectionManager;
use ::redis::{Client, Cmd, Value};

use self::link::{Link, Request};
use self::scripts::{Operation, Text};
use super::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, Resolution, StoreError,
    StoreFuture, Written,
};
use super::words::NOT_DONE;

/// How long an operation may take altogether, connecting included.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Stands before every key.
const PREFIX: &str = "steadfast:";

/// Records in Redis (6.2 or newer) or Valkey, shared by every process that uses the server.
///
/// Nothing is sent before the first operation, and a connection that broke is made anew; so a server
/// that is down when the process starts, or restarts later, costs the calls of that time and no more.
/// Each runtime of tokio has a connection of its own, which all its tasks share. A clone is the same
/// store.
///
/// ```
/// use std::time::Duration;
///
/// use retry_runtime::idempotency::{IdempotencyStore, RedisStore, StoreErrorKind};
///
/// # fn main() -> Result<(), retry_runtime::idempotency::StoreError> {
/// let store = RedisStore::open("redis://127.0.0.1:6379/")?
///     .prefix("shop:")
///     .timeout(Duration::from_millis(500));
/// assert_eq!(store.name(), "redis");
/// assert!(store.guarantees().shared);
///
/// let wrong = RedisStore::open("localhost").unwrap_err();
/// assert_eq!(wrong.kind(), StoreErrorKind::Refused);
/// # Ok(())
/// # }
/// ```
///
/// # What it promises
///
/// A record lives as long as the server keeps it. Redis as it comes loses everything at a restart, or
/// the last seconds; replicas lag behind their master, and what a failover loses runs again. The
/// server has to be configured: `maxmemory-policy noeviction`, `appendonly yes`, with
/// `appendfsync always` if a crash of the machine may lose nothing, and `min-replicas-to-write 1` if
/// there are replicas. [`audit`](IdempotencyStore::audit) reports what is not so. Only
/// [`assume_durable`](Self::assume_durable) makes the store call itself durable.
///
/// Leases and expiry go by the clock of the server; a step of that clock moves them.
///
/// # Cancellation
///
/// An operation that is dropped may still be carried out by the server. All of them may be repeated.
#[derive(Clone)]
pub struct RedisStore {
    link: Arc<Link>,
    prefix: Arc<str>,
    durable: bool,
    timeout: Duration,
}

impl RedisStore {
    /// A store on the server of a URL, `redis://[user:password@]host[:port][/database]`, or
    /// `rediss://` where the package redis was built with TLS. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Refused`](super::store::StoreErrorKind::Refused), when the URL cannot be read.
    pub fn open(url: impl AsRef<str>) -> Result<Self, StoreError> {
        let client = Client::open(url.as_ref()).map_err(|error| errors::store_error(&error))?;
        Ok(Self::with_link(Link::open(client)))
    }

    /// [`open`](Self::open), and asks the server whether it is there.
    ///
    /// # Errors
    ///
    /// [`Refused`](super::store::StoreErrorKind::Refused), when the URL cannot be read or the server
    /// refuses the credentials, [`Unavailable`](super::store::StoreErrorKind::Unavailable) when it
    /// does not answer within two seconds.
    ///
    /// # Cancellation
    ///
    /// Leaves nothing behind.
    pub async fn connect(url: impl AsRef<str>) -> Result<Self, StoreError> {
        let store = Self::open(url)?;
        store.ask(&Request::Command(&::redis::cmd("PING"))).await?;
        Ok(store)
    }

    /// A store on a connection that is there already, with the settings that it has.
    ///
    /// It reconnects when it notices that its connection broke. Unlike the connections of
    /// [`open`](Self::open) it is neither replaced when the other side stops answering, nor when a
    /// failover made a replica of its server; and where a runtime has only the one thread that a
    /// synchronous call blocks, it must not have been made in that runtime.
    #[must_use]
    pub fn new(manager: ConnectionManager) -> Self {
        Self::with_link(Link::given(manager))
    }

    fn with_link(link: Link) -> Self {
        Self { link: Arc::new(link), prefix: PREFIX.into(), durable: false, timeout: TIMEOUT }
    }

    /// Puts something else than `steadfast:` before every key. Stores with different prefixes do not
    /// see each other's records, unless one prefix begins with the other.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an operation may take, 2 s unless told: connecting, and once more after a broken
    /// connection, included. Listing [`unknowns`](IdempotencyStore::unknowns) may take as long for
    /// each step.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Calls the store durable in [`guarantees`](IdempotencyStore::guarantees): its records survive
    /// the death of the server's machine. Only who runs the server knows; what its settings say
    /// against it is in [`audit`](IdempotencyStore::audit).
    #[must_use]
    pub fn assume_durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// The key of Redis that holds a record.
    fn key(&self, key: &str) -> String {
        [&self.prefix, key].concat()
    }

    async fn ask(&self, request: &Request<'_>) -> Result<Value, StoreError> {
        self.link.ask(request, self.timeout).await
    }

    /// Runs one script on one key.
    async fn run(&self, operation: Operation, call: &Cmd) -> Result<Value, StoreError> {
        self.ask(&Request::Script { script: operation.script(), call }).await
    }

    /// Ends a claim in a state.
    async fn end(
        &self,
        key: &str,
        claim: Claim,
        text: Text<'_>,
        ttl: Option<Duration>,
    ) -> Result<Written, StoreError> {
        let call = scripts::end(&self.key(key), claim, text, ttl);
        reply::written(&self.run(Operation::End, &call).await?)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The link knows a password.
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("durable", &self.durable)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl IdempotencyStore for RedisStore {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn guarantees(&self) -> Guarantees {
        Guarantees { durable: self.durable, shared: true }
    }

    /// That of its clones, until one is given a prefix of its own.
    fn identity(&self) -> usize {
        Arc::as_ptr(&self.prefix).addr()
    }

    fn handle(&self) -> Option<Arc<dyn IdempotencyStore>> {
        Some(Arc::new(self.clone()))
    }

    fn claim<'a>(&'a self, request: ClaimRequest<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(async move {
            let call = scripts::claim(&self.key(request.key), &request);
            reply::claimed(self.run(Operation::Claim, &call).await?, request.owner)
        })
    }

    fn renew<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        lease: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let call = scripts::renew(&self.key(key), claim, lease);
            reply::written(&self.run(Operation::Renew, &call).await?)
        })
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        value: &'a [u8],
        ttl: Duration,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(key, claim, Text::Done(value), Some(ttl)))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(key, claim, Text::Released(note), None))
    }

    fn mark_unknown<'a>(
        &'a self,
        key: &'a str,
        claim: Claim,
        note: &'a str,
    ) -> StoreFuture<'a, Written> {
        Box::pin(self.end(key, claim, Text::Unknown(note), None))
    }

    fn peek<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let call = scripts::peek(&self.key(key), None);
            reply::record(self.run(Operation::Peek, &call).await?, key)
        })
    }

    /// Goes through all keys of the server, a thousand at a time, since no index spans a cluster. What
    /// becomes unknown meanwhile may be missing, and so are records that cannot be read:
    /// [`peek`](Self::peek) says why. On a cluster it sees the node it is connected to.
    fn unknowns<'a>(&'a self, after: Option<&'a str>, most: usize) -> StoreFuture<'a, Vec<Record>> {
        Box::pin(self.list_unknowns(after, most))
    }

    fn resolve<'a>(
        &'a self,
        key: &'a str,
        fence: u64,
        resolution: Resolution,
    ) -> StoreFuture<'a, Written> {
        Box::pin(async move {
            let text = match &resolution {
                Resolution::Done(value) => Text::Done(value),
                Resolution::NotDone => Text::Released(NOT_DONE),
            };
            let call = scripts::resolve(&self.key(key), fence, text);
            reply::written(&self.run(Operation::Resolve, &call).await?)
        })
    }

    /// Redis forgets by itself what has expired: always none.
    fn sweep(&self) -> StoreFuture<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    fn audit(&self) -> StoreFuture<'_, Vec<String>> {
        Box::pin(self.findings())
    }
}
