//! The connections of a store: made when they are needed, replaced when they are lost, given up when
//! the server does not answer in time. Knows nothing of records.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, Row, Socket, Statement};

use super::error::{is_conflict, is_outdated, store_error};
use super::{SCHEMA, SELECT_SCHEMA};
use crate::idempotency::store::{StoreError, StoreErrorKind};

/// How often a statement is repeated that the server has undone for another's sake.
const CONFLICTS: u32 = 8;

/// One statement and its arguments. Types are named so that on a connection of the user's it takes one
/// round trip and leaves no prepared statement behind, which that may not be allowed to have.
pub(super) struct Query<'a> {
    pub(super) sql: &'static str,
    pub(super) arguments: &'a [(&'a (dyn ToSql + Sync), Type)],
    /// Whether a second run answers as the first one did, so that a lost answer can be asked for again.
    pub(super) repeatable: bool,
}

type Connecting = Pin<Box<dyn Future<Output = Result<(Client, AbortHandle), Error>> + Send>>;

/// Where connections come from.
enum Source {
    /// Made here, from settings.
    Own(Box<dyn Fn() -> Connecting + Send + Sync>),
    /// The user's, shared with whatever else runs on it.
    Given(Arc<Client>),
}

pub(super) struct Links {
    source: Arc<Source>,
    slots: Vec<Slot>,
    pub(super) timeout: Duration,
}

#[derive(Default)]
struct Slot {
    /// Operations under way, which the next one chooses its connection by.
    busy: AtomicUsize,
    link: Mutex<Option<Arc<Link>>>,
    /// Held by who connects, so that one outage does not make a connection for every caller.
    connecting: tokio::sync::Mutex<()>,
}

/// A connection that was made.
pub(super) struct Link {
    client: Arc<Client>,
    /// The task that moves its bytes; the user's connection has its own.
    task: Option<AbortHandle>,
    /// Whether the tables were seen to be of this library's version.
    schema_seen: AtomicBool,
    /// Statements that were prepared on it.
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

impl Links {
    pub(super) fn own<T>(mut config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        if config.get_application_name().is_none() {
            config.application_name("steadfast");
        }
        let connect = move || -> Connecting {
            let (config, tls) = (config.clone(), tls.clone());
            Box::pin(async move {
                let (client, connection) = config.connect(tls).await?;
                // How it ends is told by the client's next error.
                let task = tokio::spawn(async move { drop(connection.await) });
                Ok((client, task.abort_handle()))
            })
        };
        Self::of(Arc::new(Source::Own(Box::new(connect))), super::TIMEOUT, super::CONNECTIONS)
    }

    pub(super) fn given(client: Arc<Client>) -> Self {
        Self::of(Arc::new(Source::Given(client)), super::TIMEOUT, 1)
    }

    /// Connections from the same source with other settings. None is open yet: a session learns its
    /// timeouts when it begins.
    pub(super) fn with(&self, timeout: Duration, most: usize) -> Self {
        let most = if matches!(*self.source, Source::Own(_)) { most.max(1) } else { 1 };
        Self::of(Arc::clone(&self.source), timeout, most)
    }

    /// How many there are at most.
    pub(super) fn connections(&self) -> usize {
        self.slots.len()
    }

    fn of(source: Arc<Source>, timeout: Duration, connections: usize) -> Self {
        let slots = std::iter::repeat_with(Slot::default).take(connections).collect();
        Self { source, slots, timeout }
    }

    /// Runs a statement of an operation, after the tables' version was seen to be the right one.
    pub(super) async fn rows(&self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        self.ask(&Ask::Operation(query)).await.map(|answer| answer.rows)
    }

    /// Runs a batch without arguments, whatever the tables look like.
    pub(super) async fn batch(&self, sql: &'static str) -> Result<(), StoreError> {
        self.ask(&Ask::Batch(sql)).await.map(drop)
    }

    /// Runs a statement that does not need the tables.
    pub(super) async fn bare_rows(&self, sql: &'static str) -> Result<Vec<Row>, StoreError> {
        self.ask(&Ask::Bare(sql)).await.map(|answer| answer.rows)
    }

    /// The version of the tables; `None` when there are none.
    pub(super) async fn schema(&self) -> Result<Option<i32>, StoreError> {
        self.ask(&Ask::Schema).await.map(|answer| answer.schema)
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, StoreError> {
        if Handle::try_current().is_err() {
            let words = "postgres: this store works within a tokio runtime";
            return Err(StoreError::new(StoreErrorKind::Refused, words));
        }
        let slot = self.slots.iter().min_by_key(|slot| slot.busy.load(Relaxed));
        let slot = slot.expect("there is at least one slot");
        let _busy = Busy::of(slot);
        // What is in use when time is up, so that it can be given up.
        let in_use = Mutex::new(None);
        let work = async {
            let mut lost = false;
            loop {
                let link = self.link(slot).await?;
                *lock(&in_use) = Some(Arc::clone(&link));
                match link.answer(ask).await {
                    Ok(answer) => return Ok(answer),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Postgres(error)) if link.is_lost(&error) => {
                        slot.forget(&link);
                        // A connection that idled away is no outage: once more on a new one.
                        if lost || !ask.is_repeatable() || matches!(*self.source, Source::Given(_))
                        {
                            return Err(store_error(&error));
                        }
                        lost = true;
                    }
                    Err(Failure::Postgres(error)) => return Err(store_error(&error)),
                }
            }
        };
        match tokio::time::timeout(self.timeout, work).await {
            Ok(answer) => answer,
            Err(_) => {
                // Whatever waits behind this on the connection would wait as long.
                if let Some(link) = lock(&in_use).take() {
                    slot.forget(&link);
                    if let Some(task) = &link.task {
                        task.abort();
                    }
                }
                let words = format!("postgres: no answer within {:?}", self.timeout);
                Err(StoreError::new(StoreErrorKind::Unavailable, words))
            }
        }
    }

    async fn link(&self, slot: &Slot) -> Result<Arc<Link>, StoreError> {
        if let Some(link) = slot.open_link() {
            return Ok(link);
        }
        let _alone = slot.connecting.lock().await;
        if let Some(link) = slot.open_link() {
            return Ok(link);
        }
        let link = Arc::new(match &*self.source {
            Source::Given(client) if client.is_closed() => {
                let words = "postgres: the connection that the store was given is closed";
                return Err(StoreError::new(StoreErrorKind::Unavailable, words));
            }
            Source::Given(client) => Link::new(Arc::clone(client), None),
            Source::Own(connect) => {
                let (client, task) = connect().await.map_err(|error| store_error(&error))?;
                client.batch_execute(&self.session()).await.map_err(|error| store_error(&error))?;
                Link::new(Arc::new(client), Some(task))
            }
        });
        *lock(&slot.link) = Some(Arc::clone(&link));
        Ok(link)
    }

    /// What a connection of the store's own is told first: no statement outlives its caller's patience,
    /// a record that is locked is waited for half as long, and no setting of the database's changes the
    /// isolation that the statements are written for.
    fn session(&self) -> String {
        let patience = self.timeout.as_millis().clamp(2, i32::MAX as u128);
        format!(
            "SET statement_timeout = {patience}; SET lock_timeout = {}; \
             SET default_transaction_isolation = 'read committed'",
            patience / 2
        )
    }
}

impl Slot {
    fn open_link(&self) -> Option<Arc<Link>> {
        lock(&self.link).as_ref().filter(|link| !link.client.is_closed()).map(Arc::clone)
    }

    fn forget(&self, link: &Arc<Link>) {
        let mut held = lock(&self.link);
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, link)) {
            *held = None;
        }
    }
}

impl Link {
    fn new(client: Arc<Client>, task: Option<AbortHandle>) -> Self {
        Self { client, task, schema_seen: AtomicBool::new(false), prepared: Mutex::default() }
    }

    /// The server ends a connection with an answer of class 57; the client notices a moment later.
    fn is_lost(&self, error: &Error) -> bool {
        let ended = |code: &SqlState| matches!(code.code(), "57P01" | "57P02" | "57P05");
        self.client.is_closed() || error.is_closed() || error.code().is_some_and(ended)
    }

    async fn answer(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let mut answer = Answer::default();
        match ask {
            Ask::Operation(query) => {
                if !self.schema_seen.load(Relaxed) {
                    check(schema(&self.client).await?).map_err(Failure::Final)?;
                    self.schema_seen.store(true, Relaxed);
                }
                answer.rows = self.operation(query).await?;
            }
            Ask::Bare(sql) => answer.rows = self.client.query_typed(sql, &[]).await?,
            Ask::Batch(sql) => self.client.batch_execute(sql).await?,
            Ask::Schema => answer.schema = schema(&self.client).await?,
        }
        Ok(answer)
    }

    async fn operation(&self, query: &Query<'_>) -> Result<Vec<Row>, Error> {
        let mut conflicts = 0;
        loop {
            match self.run(query).await {
                Err(error) if is_conflict(&error) && conflicts < CONFLICTS => conflicts += 1,
                // The table was altered since the statement was prepared.
                Err(error)
                    if is_outdated(&error) && lock(&self.prepared).remove(query.sql).is_some() => {}
                answer => return answer,
            }
        }
    }

    /// On a connection of the store's own a statement is parsed and planned once.
    async fn run(&self, query: &Query<'_>) -> Result<Vec<Row>, Error> {
        if self.task.is_none() {
            return self.client.query_typed(query.sql, query.arguments).await;
        }
        let known = lock(&self.prepared).get(query.sql).cloned();
        let statement = if let Some(known) = known {
            known
        } else {
            let types: Vec<_> = query.arguments.iter().map(|(_, kind)| kind.clone()).collect();
            let statement = self.client.prepare_typed(query.sql, &types).await?;
            lock(&self.prepared).insert(query.sql, statement.clone());
            statement
        };
        let values: Vec<_> = query.arguments.iter().map(|(value, _)| *value).collect();
        self.client.query(&statement, &values).await
    }
}

/// What is asked of a connection. A value rather than a closure: the compiler cannot show that the
/// futures of generic closures are `Send`.
enum Ask<'a> {
    Operation(Query<'a>),
    Bare(&'static str),
    Batch(&'static str),
    Schema,
}

impl Ask<'_> {
    fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Operation(Query { repeatable: false, .. }))
    }
}

#[derive(Default)]
struct Answer {
    rows: Vec<Row>,
    schema: Option<i32>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Postgres(error)
    }
}

/// Why one run of an operation failed.
enum Failure {
    Postgres(Error),
    Final(StoreError),
}

/// Counts an operation under way, given back however it ends.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn of(slot: &'a Slot) -> Self {
        slot.busy.fetch_add(1, Relaxed);
        Self(&slot.busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

async fn schema(client: &Client) -> Result<Option<i32>, Error> {
    match client.query_typed(SELECT_SCHEMA, &[]).await {
        Ok(rows) => rows.first().map_or(Ok(None), |row| row.try_get(0)),
        Err(error) if error.code().is_some_and(|code| code.code() == "42P01") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses tables of another version.
pub(super) fn check(found: Option<i32>) -> Result<(), StoreError> {
    let (kind, words) = match found {
        Some(SCHEMA) => return Ok(()),
        None => (
            StoreErrorKind::Refused,
            "postgres: there is no table `steadfast_idempotency`; call `PostgresStore::migrate()` \
             once"
                .to_owned(),
        ),
        Some(older) if older < SCHEMA => (
            StoreErrorKind::Incompatible,
            format!(
                "postgres: the tables have version {older}, this library works with {SCHEMA}; call \
                 `PostgresStore::migrate()`"
            ),
        ),
        Some(newer) => (
            StoreErrorKind::Incompatible,
            format!(
                "postgres: the tables have version {newer}, this library knows {SCHEMA}; update \
                 the library"
            ),
        ),
    };
    Err(StoreError::new(kind, words))
}

/// Nothing that can panic runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
