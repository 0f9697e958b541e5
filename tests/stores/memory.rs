//! The store in memory, under many tasks.

use std::sync::Arc;

use steadfast::idempotency::MemoryStore;

use crate::history::{Plan, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_explains_what_many_tasks_saw() {
    for seed in 1..=3 {
        let plan = Plan { seed, operations: 8_000, dropped: 0, ..Plan::default() };
        let history = record(Arc::new(MemoryStore::new()), plan).await;
        history.check().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        history.assert_is_worth_checking();
    }
}
