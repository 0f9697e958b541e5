//! Concurrent histories recorded on a real server, well and under faults.

use std::sync::Arc;
use std::time::Duration;

use steadfast::idempotency::RedisStore;
use steadfast_servers::redis::Redis;

use crate::history::broken::{Broken, Fault};
use crate::history::{Plan, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_explains_what_many_tasks_saw() {
    let server = Redis::start();
    let store = Arc::new(RedisStore::open(server.url()).unwrap());
    for seed in 1..=3 {
        let history = record(store.clone(), Plan { seed, ..Plan::default() }).await;
        assert!(history.events.len() >= 5_000);
        history.check().unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        history.assert_is_worth_checking();
        assert!(history.count(|_, answer| answer.is_none()) >= 10, "nothing was dropped");
        server.command(&["FLUSHALL"]).unwrap();
    }
}

/// The server hangs, its connections are cut, its scripts are forgotten, and once it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_explains_what_many_tasks_saw_of_a_failing_server() {
    let mut server = Redis::durable();
    let store =
        Arc::new(RedisStore::open(server.url()).unwrap().timeout(Duration::from_millis(40)));
    let plan = Plan { seed: 4, operations: 8_000, ..Plan::default() };
    let recorded = tokio::spawn(record(store, plan));
    let mut round = 0;
    while !recorded.is_finished() {
        round += 1;
        tokio::time::sleep(Duration::from_millis(60)).await;
        match round % 4 {
            0 => {
                server.stop();
                tokio::time::sleep(Duration::from_millis(60)).await;
                server.cont();
            }
            1 => drop(server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])),
            2 => drop(server.command(&["SCRIPT", "FLUSH"])),
            _ if round == 7 => {
                server.kill();
                server.restart();
            }
            _ => {}
        }
    }
    assert!(round > 8, "only {round} rounds of faults");
    let mut history = recorded.await.unwrap();
    history.repeats = true;
    assert!(history.events.len() >= 5_000);
    history.check().unwrap_or_else(|what| panic!("{what}"));
    history.assert_is_worth_checking();
    assert!(history.count(|_, answer| answer.is_none()) >= 50, "the server never failed");
}

/// A checker that finds nothing in a broken store would find nothing in ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_broken_stores_are_found_out() {
    let server = Redis::start();
    for fault in Fault::ALL {
        let store = Broken::new(RedisStore::open(server.url()).unwrap(), fault);
        let history = record(Arc::new(store), Plan::default()).await;
        let found = history.check().expect_err(&format!("{fault:?} goes unnoticed"));
        println!("{fault:?}: {}", found.lines().next().unwrap_or_default());
        server.command(&["FLUSHALL"]).unwrap();
    }
}
