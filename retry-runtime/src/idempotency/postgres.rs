//! Records in a table of Postgres: for a fleet that has one. One statement for each operation, on the
//! server's clock, and [`complete_in`](PostgresStore::complete_in), which makes an effect in the same
//! database and the record of it one commit.
//!
//! What a record may become is decided in the `.sql` files beside this one; here their rows become
//! answers. How a server is reached is in `link.rs`.

mod error;
mod link;
mod operations;
mod rows;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Socket, Transaction};

use self::link::{Links, Query};
use self::rows::{Step, claimed, corrupt, word, written};
pub use self::transaction::CommitError;
use self::transaction::Completed;
use crate::idempotency::envelope::Storable;
use crate::idempotency::store::{
    Claim, ClaimRequest, Claimed, OnUnknown, RecordState, StoreError, StoreErrorKind, Written,
};
use crate::idempotency::words::{check_key, kept};

/// The version of the tables that this library works with.
const SCHEMA: i32 = 1;
/// The version of a record that this library writes and reads.
const FORMAT: i16 = 1;
/// How long an operation may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at most.
const CONNECTIONS: usize = 2;
/// Rows that one statement of a sweep deletes.
const SWEPT_AT_ONCE: i64 = 1000;
/// Statements that lose a race before the operation gives up. Each loss is somebody else's progress.
const RACES: u32 = 32;

const SELECT_SCHEMA: &str = "SELECT max(version) FROM steadfast_idempotency_schema";

/// Idempotency records in Postgres 12 or newer (tested with 15), shared by every process that uses the
/// database and as durable as it is.
///
/// Connections are its own, two at most, made when they are needed and replaced when they break; use it
/// beside whatever pool the program has, or give it a [connection](Self::on) of yours. Connect to the
/// server itself or to a pooler that gives a session: settings of the session are changed.
///
/// An operation answers within [`timeout`](Self::timeout), 5 s by default, connecting included. The
/// server's clock decides about leases and expiry; that of this machine does not matter.
///
/// The tables are made by [`migrate`](Self::migrate), in the schema that the connection's `search_path`
/// names first. They are `steadfast_idempotency` and `steadfast_idempotency_schema`.
///
/// Clones share their connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use retry_runtime::idempotency::{IdempotencyStore as _, PostgresStore};
///
/// let store = PostgresStore::connect("postgres://app@db.internal/shop".parse()?).await?;
/// store.migrate().await?;
/// assert!(store.guarantees().durable && store.guarantees().shared);
/// assert_eq!(store.audit().await?, Vec::<String>::new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    links: Arc<Links>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings hold a password.
        f.debug_struct("PostgresStore")
            .field("timeout", &self.links.timeout)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// A store that connects when it is first used, without TLS. Nothing fails here.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::new_tls(config, NoTls)
    }

    /// The same with TLS, by a connector of `tokio-postgres-rustls`, `postgres-native-tls` or their kin.
    #[must_use]
    pub fn new_tls<T>(config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Self { links: Arc::new(Links::own(config, tls)) }
    }

    /// A store that is connected, without TLS.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached within 5 s or refuses the connection. Tables that are missing
    /// are no error here, since [`migrate`](Self::migrate) can make them.
    pub async fn connect(config: Config) -> Result<Self, StoreError> {
        let store = Self::new(config);
        store.links.schema().await?;
        Ok(store)
    }

    /// A store on a connection of the caller's, which is shared with whatever else runs on it. It is not
    /// replaced when it breaks, no setting of it is changed, and no statement is prepared on it.
    ///
    /// The default isolation of its transactions has to be `read committed` for races to be decided
    /// without being repeated.
    #[must_use]
    pub fn on(client: impl Into<Arc<Client>>) -> Self {
        Self { links: Arc::new(Links::given(client.into())) }
    }

    /// How long an operation may take, connecting included; 5 s by default, at least 2 ms. What takes
    /// longer is `Unavailable`, here and, for connections of the store's own, on the server too: one that
    /// is open already is given up for it.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.max(Duration::from_millis(2));
        Self { links: Arc::new(self.links.with(timeout, self.links.connections())) }
    }

    /// How many connections there are at most; 2 by default. The next one is made when the others are
    /// busy, so a quiet process has one.
    #[must_use]
    pub fn connections(self, most: usize) -> Self {
        Self { links: Arc::new(self.links.with(self.links.timeout, most)) }
    }

    /// Makes the tables, or brings them to the version of this library, in one transaction. Processes
    /// that start together take turns, and a role that may not create tables can call it when there is
    /// nothing to do.
    ///
    /// # Errors
    ///
    /// When the tables are newer than this library, when the role may not create what is missing, and
    /// when the server cannot be reached.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.links.batch(include_str!("postgres/migrate.sql")).await
    }

    /// Stores the answer of a claim as part of a transaction: what the transaction does and the record
    /// of it become visible together, or not at all.
    ///
    /// With [`Written::Made`] the record is locked until the transaction ends, so nobody can take the
    /// key over meanwhile, whatever happens to the lease. With [`Written::Lost`] the effect is not this
    /// transaction's to make: **roll it back**.
    ///
    /// Unlike a [`complete`](crate::idempotency::IdempotencyStore::complete), which afterwards answers as made, it is not
    /// made twice: if the claim has its answer already, from a transaction whose commit was not heard
    /// of, this one's effect is a second one, and the answer is `Lost` with the claim's own fence.
    ///
    /// Within the body of an `#[idempotent]` function [`commit`](Self::commit) does all of this.
    ///
    /// # Errors
    ///
    /// Those of the database, untouched, so that a `#[retry]` around the whole transaction sees a
    /// deadlock or a serialization failure as what it is.
    ///
    /// # Cancellation
    ///
    /// A transaction that is dropped is rolled back; the claim is then as it was.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use retry_runtime::idempotency::{Claim, PostgresStore, Written};
    /// # async fn pay(client: &mut tokio_postgres::Client, store: &PostgresStore, claim: Claim)
    /// #     -> Result<bool, tokio_postgres::Error> {
    /// let transaction = client.transaction().await?;
    /// transaction.execute("UPDATE account SET balance = balance - 5 WHERE id = 7", &[]).await?;
    /// let day = Duration::from_secs(86_400);
    /// match store.complete_in(&transaction, "order_7", claim, b"5", day).await? {
    ///     Written::Made => transaction.commit().await?,
    ///     Written::Lost { .. } => {
    ///         transaction.rollback().await?;
    ///         return Ok(false);
    ///     }
    /// }
    /// # Ok(true)
    /// # }
    /// ```
    pub async fn complete_in(
        &self,
        transaction: &Transaction<'_>,
        key: &str,
        claim: Claim,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Written, tokio_postgres::Error> {
        Ok(match transaction::complete(transaction, key, claim, value, ttl).await? {
            Completed::Now => Written::Made,
            Completed::Before(_) => Written::Lost { fence: Some(claim.fence) },
            Completed::Lost { fence } => Written::Lost { fence },
        })
    }

    /// Stores `value` as the answer of the `#[idempotent]` body that this is called in, and commits:
    /// effect and answer together. Call it in the place of `transaction.commit()`, and return what it
    /// returns.
    ///
    /// When the connection breaks during the commit nobody knows what became of it, and a `#[retry]`
    /// runs the body again. If that commit was made, the second one finds its record, undoes its own
    /// transaction and returns the first one's value.
    ///
    /// The attribute and this call have to use the same store, or clones of one.
    ///
    /// # Errors
    ///
    /// [`CommitError`]; nothing is committed then, with the exception of a
    /// [`Postgres`](CommitError::Postgres) error of the commit itself, which leaves that open.
    ///
    /// # Cancellation
    ///
    /// Dropped before the commit was sent it leaves nothing; later, the record tells what happened.
    ///
    /// ```no_run
    /// # use retry_runtime::idempotency::{CommitError, PostgresStore};
    /// // Under `#[idempotent(key = "order_{order}", store = store)]`:
    /// async fn pay(
    ///     store: &PostgresStore,
    ///     client: &mut tokio_postgres::Client,
    ///     order: i64,
    /// ) -> Result<u64, CommitError> {
    ///     let transaction = client.transaction().await?;
    ///     let sql = "UPDATE account SET balance = balance - 5 WHERE \"order\" = $1";
    ///     let changed = transaction.execute(sql, &[&order]).await?;
    ///     store.commit(transaction, changed).await
    /// }
    /// ```
    pub async fn commit<T: Storable>(
        &self,
        transaction: Transaction<'_>,
        value: T,
    ) -> Result<T, CommitError> {
        transaction::commit(self, transaction, value).await
    }

    async fn claimed(&self, request: ClaimRequest<'_>) -> Result<Claimed, StoreError> {
        check_key("postgres", request.key)?;
        let owner = request.owner.0.to_be_bytes();
        let fingerprint = request.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
        let (lease, ttl) = (micros(request.lease), micros(request.ttl));
        let take = request.on_unknown == OnUnknown::Take;
        let most = i64::from(request.max_claims);
        let arguments: [(&(dyn ToSql + Sync), Type); 7] = [
            (&request.key, Type::TEXT),
            (&owner.as_slice(), Type::BYTEA),
            (&fingerprint, Type::BYTEA),
            (&lease, Type::INT8),
            (&ttl, Type::INT8),
            (&take, Type::BOOL),
            (&most, Type::INT8),
        ];
        for _ in 0..RACES {
            let sql = include_str!("postgres/claim.sql");
            let row = self.row(Query { sql, arguments: &arguments, repeatable: true }).await?;
            if let Some(claimed) = self.settled(claimed(&row, &request)?, request.key).await? {
                return Ok(claimed);
            }
        }
        Err(contended())
    }

    /// One of the writes of an owner or an operator, until it is clear how it went.
    async fn write(
        &self,
        sql: &'static str,
        key: &str,
        arguments: &[(&(dyn ToSql + Sync), Type)],
        claim: Claim,
        target: RecordState,
    ) -> Result<Written, StoreError> {
        for _ in 0..RACES {
            let row = self.row(Query { sql, arguments, repeatable: true }).await?;
            if let Some(answer) = self.settled(written(&row, claim, target)?, key).await? {
                return Ok(answer);
            }
        }
        Err(contended())
    }

    /// The answer, or nothing when the statement has to be run again.
    async fn settled<T>(&self, step: Step<T>, key: &str) -> Result<Option<T>, StoreError> {
        match step {
            Step::Answer(answer) => Ok(Some(answer)),
            Step::Raced => Ok(None),
            Step::Lapsed => {
                let arguments: [(&(dyn ToSql + Sync), Type); 1] = [(&key, Type::TEXT)];
                let sql = include_str!("postgres/lapse.sql");
                self.links.rows(Query { sql, arguments: &arguments, repeatable: true }).await?;
                Ok(None)
            }
        }
    }

    async fn end(&self, write: OwnersWrite<'_>, claim: Claim) -> Result<Written, StoreError> {
        check_key("postgres", write.key)?;
        self.write(WRITE, write.key, &write.arguments(), claim, write.target).await
    }

    async fn row(&self, query: Query<'_>) -> Result<Row, StoreError> {
        let mut rows = self.links.rows(query).await?;
        rows.pop().ok_or_else(|| corrupt("a statement that always answers did not"))
    }
}

const WRITE: &str = include_str!("postgres/write.sql");

/// The write that ends a claim: the arguments of `write.sql`.
struct OwnersWrite<'a> {
    key: &'a str,
    owner: Vec<u8>,
    fence: Option<i64>,
    target: RecordState,
    word: &'static str,
    value: Option<&'a [u8]>,
    note: Option<String>,
    ttl: Option<i64>,
}

impl<'a> OwnersWrite<'a> {
    fn done(key: &'a str, claim: Claim, value: &'a [u8], ttl: Duration) -> Self {
        let mut write = Self::new(key, claim, RecordState::Done);
        write.value = Some(value);
        write.ttl = Some(micros(ttl));
        write
    }

    fn noted(key: &'a str, claim: Claim, target: RecordState, note: &str) -> Self {
        let mut write = Self::new(key, claim, target);
        write.note = Some(storable(note));
        write
    }

    fn new(key: &'a str, claim: Claim, target: RecordState) -> Self {
        Self {
            key,
            owner: claim.owner.0.to_be_bytes().to_vec(),
            fence: i64::try_from(claim.fence).ok(),
            target,
            word: word(target),
            value: None,
            note: None,
            ttl: None,
        }
    }

    fn arguments(&self) -> [(&(dyn ToSql + Sync), Type); 7] {
        [
            (&self.key, Type::TEXT),
            (&self.owner, Type::BYTEA),
            (&self.fence, Type::INT8),
            (&self.word, Type::TEXT),
            (&self.value, Type::BYTEA),
            (&self.note, Type::TEXT),
            (&self.ttl, Type::INT8),
        ]
    }
}

/// Microseconds, at least what was asked for and at most a century, which no lease or record outlives.
fn micros(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 86_400 * 1_000_000;
    let whole = duration.as_nanos().div_ceil(1000);
    i64::try_from(whole).map_or(CENTURY, |micros| micros.min(CENTURY))
}

/// A note that a text column takes: no NUL, and no more than is worth keeping.
fn storable(note: &str) -> String {
    kept(&note.replace('\0', "\u{fffd}")).to_owned()
}

fn contended() -> StoreError {
    let words = "postgres: other callers changed the record again and again";
    StoreError::new(StoreErrorKind::Unavailable, words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{micros, storable};
    use crate::idempotency::words::NOTE_BYTES;

    #[test]
    fn durations_are_never_shortened_and_never_overflow() {
        assert_eq!(micros(Duration::ZERO), 0);
        assert_eq!(micros(Duration::from_nanos(1)), 1);
        assert_eq!(micros(Duration::from_secs(30)), 30_000_000);
        // A lease and a time to live are added on the server, where both fit a float exactly.
        assert!(micros(Duration::MAX) * 2 < 1 << 53);
    }

    #[test]
    fn a_note_has_no_nul_and_is_bounded_without_it() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert_eq!(storable(&"\0".repeat(NOTE_BYTES)).len(), NOTE_BYTES / 3 * 3);
    }
}
