//! Where answers are kept: what `--store` says, and opening it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use steadfast::idempotency::{IdempotencyStore, MemoryStore};

pub(crate) type Store = Arc<dyn IdempotencyStore>;

/// What `--store` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    Redis(String),
    Postgres(String),
    File(String),
}

impl Place {
    /// # Errors
    ///
    /// Words for who wrote something else.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::Memory) };
        let begins = |schemes: [&str; 2]| schemes.iter().any(|scheme| text.starts_with(scheme));
        if begins(["redis://", "rediss://"]) {
            Ok(Self::Redis(text.to_owned()))
        } else if begins(["postgres://", "postgresql://"]) {
            Ok(Self::Postgres(text.to_owned()))
        } else if Path::new(text).extension().is_some_and(|end| end == "redb") {
            Ok(Self::File(text.to_owned()))
        } else {
            Err(format!(
                "--store is redis://…, postgres://… or the name of a file that ends in .redb, found \
                 {text}"
            ))
        }
    }

    /// What was parsed, for another process.
    pub(crate) fn argument(&self) -> Option<&str> {
        match self {
            Self::Memory => None,
            Self::Redis(text) | Self::Postgres(text) | Self::File(text) => Some(text),
        }
    }

    /// # Errors
    ///
    /// What the store says, or that this program was built without it.
    pub(crate) async fn open(&self) -> Result<Store, String> {
        let opened = match self {
            Self::Memory => Ok(Arc::new(MemoryStore::new()) as Store),
            Self::Redis(url) => redis(url).await,
            Self::Postgres(url) => postgres(url).await,
            Self::File(path) => file(path).await,
        };
        opened.map_err(|error| format!("the store cannot be opened: {error}"))
    }
}

impl fmt::Display for Place {
    /// In words, without what a URL may hold of passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("in memory"),
            Self::Redis(_) => f.write_str("in Redis"),
            Self::Postgres(_) => f.write_str("in Postgres"),
            Self::File(path) => {
                let name = Path::new(path).file_name().unwrap_or_default();
                write!(f, "in the file {}", name.display())
            }
        }
    }
}

#[cfg(feature = "redis-store")]
async fn redis(url: &str) -> Result<Store, String> {
    let store = steadfast::idempotency::RedisStore::connect(url).await;
    Ok(Arc::new(store.map_err(|error| error.to_string())?))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Store, String> {
    let config = url.parse().map_err(|error| format!("{error}"))?;
    let store = steadfast::idempotency::PostgresStore::new(config);
    store.migrate().await.map_err(|error| error.to_string())?;
    Ok(Arc::new(store))
}

#[cfg(feature = "redb")]
async fn file(path: &str) -> Result<Store, String> {
    use steadfast::idempotency::{RedbStore, StoreError, StoreErrorKind};

    /// One process has the file at a time, and the one before may be about to leave.
    fn held(error: &StoreError) -> bool {
        error.kind() == StoreErrorKind::Refused
    }

    #[steadfast::retry(
        name = "open the file",
        max_attempts = 10,
        backoff = "constant",
        base_delay = "100ms",
        when = held
    )]
    async fn open(path: &str) -> Result<RedbStore, StoreError> {
        RedbStore::open(path).await
    }

    Ok(Arc::new(open(path).await.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "redis-store"))]
async fn redis(_: &str) -> Result<Store, String> {
    missing("redis-store").await
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Store, String> {
    missing("postgres").await
}

#[cfg(not(feature = "redb"))]
async fn file(_: &str) -> Result<Store, String> {
    missing("redb").await
}

#[cfg(not(all(feature = "redis-store", feature = "postgres", feature = "redb")))]
fn missing(feature: &str) -> std::future::Ready<Result<Store, String>> {
    std::future::ready(Err(format!(
        "this program was built without it: `cargo run --example checkout --features {feature}`"
    )))
}
