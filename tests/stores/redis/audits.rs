//! What the store says about servers that are set up badly.

use std::time::{Duration, Instant};

use steadfast::idempotency::IdempotencyStore;
use steadfast::idempotency::RedisStore;
use steadfast_servers::redis::Redis;

use super::open;

async fn findings(store: &RedisStore) -> String {
    store.audit().await.unwrap().join("\n")
}

#[tokio::test]
async fn a_server_that_is_set_up_well_is_clean() {
    let server = Redis::durable();
    let store = open(&server).assume_durable();
    assert_eq!(findings(&store).await, "");
    assert!(store.guarantees().durable && store.guarantees().shared);
    assert!(!open(&server).guarantees().durable, "only who says so is durable");
}

#[tokio::test]
async fn what_breaks_a_promise_is_reported() {
    let server = Redis::start();
    let store = open(&server);
    assert!(findings(&store).await.contains("nothing is written to disk"));
    let set = |name, value| server.command(&["CONFIG", "SET", name, value]).unwrap();
    set("save", "3600 1");
    assert!(findings(&store).await.contains("only snapshots"));
    set("appendonly", "yes");
    set("appendfsync", "everysec");
    assert_eq!(findings(&store).await, "");
    assert!(findings(&store.clone().assume_durable()).await.contains("appendfsync is everysec"));
    set("maxmemory-policy", "allkeys-lru");
    assert!(findings(&store).await.contains("allkeys-lru"));
}

#[tokio::test]
async fn replicas_and_what_a_failover_may_lose_are_reported() {
    let master = Redis::durable();
    let replica = Redis::durable();
    replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    let begun = Instant::now();
    while !master.command(&["INFO", "replication"]).unwrap().contains("state=online") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the replica does not follow");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(findings(&open(&master)).await.contains("min-replicas-to-write"));
    assert!(findings(&open(&replica)).await.contains("it is a replica"));
    master.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    assert_eq!(findings(&open(&master)).await, "");
}

#[tokio::test]
async fn hidden_settings_are_reported_as_such() {
    let server = Redis::with(&[("maxmemory-policy", "volatile-lru")]);
    server.command(&["ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all", "-config"]).unwrap();
    let store = RedisStore::open(format!("redis://app:pass@127.0.0.1:{}/", server.port())).unwrap();
    let found = findings(&store).await;
    assert!(found.contains("its settings cannot be read"), "{found}");
    // What is no secret is still found.
    assert!(found.contains("volatile-lru"), "{found}");
}
