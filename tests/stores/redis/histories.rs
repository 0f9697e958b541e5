//! Concurrent histories recorded on a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use steadfast::idempotency::redis::RedisStore;
use steadfast::idempotency::store::{
    Claim, ClaimRequest, Claimed, Guarantees, IdempotencyStore, Record, Resolution, StoreFuture,
    Written,
};
use steadfast_servers::redis::Redis;

use crate::history::{Plan, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_of_many_tasks_has_an_order_that_explains_it() {
    let server = Redis::start();
    let store = Arc::new(RedisStore::open(server.url()).unwrap());
    for seed in 1..=3 {
        let history = record(store.clone(), Plan { seed, ..Plan::default() }).await;
        assert!(history.events.len() >= 5_000);
        history.check().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        history.assert_is_worth_checking();
        server.command(&["FLUSHALL"]).unwrap();
    }
}
