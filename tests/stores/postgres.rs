//! The store on a real PostgreSQL: its laws, its failures, and what the classification makes of a live
//! server's errors.

mod classification;
mod engine;
mod failures;
mod histories;
mod laws;
mod transactions;

use std::sync::OnceLock;
use std::time::Duration;

use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyStore as _, Owner, PostgresStore, Written,
};
use steadfast_servers::postgres::Postgres;
use tokio_postgres::{Client, NoTls};

const DAY: Duration = Duration::from_secs(86_400);

/// The server of the tests that leave it as it is. It ends with the process of the tests.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// A connection as a user of the database has one.
async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it connects");
    tokio::spawn(connection);
    client
}

/// The URL of a new, empty database on the shared server.
async fn database(name: &str) -> String {
    database_on(server(), name).await
}

async fn database_on(server: &Postgres, name: &str) -> String {
    let admin = client(&server.url()).await;
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("it is created");
    format!("{}{name}", server.url().strip_suffix("postgres").expect("it names a database"))
}

async fn connected(url: &str) -> PostgresStore {
    PostgresStore::connect(url.parse().expect("a URL")).await.expect("it connects")
}

/// A store with tables of its own.
async fn store(name: &str) -> (PostgresStore, String) {
    let url = database(name).await;
    let store = connected(&url).await;
    store.migrate().await.expect("the tables are made");
    (store, url)
}

fn request(key: &str, owner: u128) -> ClaimRequest<'_> {
    ClaimRequest::new(key, Owner(owner))
}

async fn own(store: &PostgresStore, key: &str, owner: u128) -> Claim {
    match store.claim(request(key, owner)).await.expect("the store answers") {
        Claimed::Owned { claim, .. } => claim,
        other => panic!("{key} is not free: {other:?}"),
    }
}

async fn complete(store: &PostgresStore, key: &str, claim: Claim, value: &[u8]) -> Written {
    store.complete(key, claim, value, DAY).await.expect("the store answers")
}
