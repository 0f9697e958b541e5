//! The store on Redis.

mod audits;
mod conformance;
mod cost;
mod engine;
mod faults;
mod histories;
mod network;
mod proxy;
mod records;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use steadfast::idempotency::RedisStore;
use steadfast::idempotency::{
    Claim, ClaimRequest, Claimed, IdempotencyStore, OnUnknown, Owner, StoreError, StoreErrorKind,
};
use steadfast_servers::redis::Redis;

const TTL: Duration = Duration::from_secs(3600);

fn open(server: &Redis) -> RedisStore {
    RedisStore::open(server.url()).unwrap()
}

/// Somebody who has not claimed yet.
fn somebody() -> Owner {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Owner(u128::from(COUNT.fetch_add(1, Relaxed)) << 64 | 7)
}

fn request(key: &str) -> ClaimRequest<'_> {
    ClaimRequest::new(key, somebody())
}

/// One whose lease is over soon.
fn short(key: &str) -> ClaimRequest<'_> {
    let mut request = request(key);
    request.lease = Duration::from_millis(30);
    request
}

fn taking(key: &str) -> ClaimRequest<'_> {
    let mut request = request(key);
    request.on_unknown = OnUnknown::Take;
    request
}

fn owned(claimed: Claimed) -> Claim {
    match claimed {
        Claimed::Owned { claim, .. } => claim,
        other => panic!("not owned: {other:?}"),
    }
}

async fn own(store: &RedisStore, key: &str) -> Claim {
    owned(store.claim(request(key)).await.unwrap())
}

#[track_caller]
fn kind<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> StoreErrorKind {
    answer.unwrap_err().kind()
}

async fn lease_over() {
    tokio::time::sleep(Duration::from_millis(40)).await;
}
