//! Concurrent histories recorded against the server, in peace and while it fails.

use std::sync::Arc;
use std::time::Duration;

use steadfast_servers::postgres::Postgres;

use super::{client, connected, store};
use crate::history::{self, Plan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_histories_are_explained_by_an_order() {
    for seed in 1..=2 {
        let (store, _url) = store(&format!("histories_{seed}")).await;
        let store = Arc::new(store.connections(4));
        let plan = Plan { seed, operations: 3_000, ..Plan::default() };
        let mut history = history::record(Arc::clone(&store), plan).await;
        history.repeats = true;
        history.check().unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        history.assert_is_worth_checking();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_server_that_fails_are_explained_by_an_order() {
    let mut server = Postgres::start();
    let store = connected(&server.url()).await.timeout(Duration::from_millis(300)).connections(4);
    store.migrate().await.unwrap();
    let plan = Plan { seed: 7, operations: 4_000, ..Plan::default() };
    let recording = tokio::spawn(history::record(Arc::new(store), plan));
    let pause = || tokio::time::sleep(Duration::from_millis(150));
    while !recording.is_finished() {
        pause().await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'steadfast'";
        client(&server.url()).await.batch_execute(end).await.unwrap();
        pause().await;
        server.stop();
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.cont();
        pause().await;
        // What follows a crash of the machine: the server starts from what it has synced.
        server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
    }
    let mut history = recording.await.unwrap();
    history.repeats = true;
    history.check().unwrap_or_else(|why| panic!("{why}"));
    history.assert_is_worth_checking();
}
