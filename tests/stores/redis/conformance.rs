//! The laws, on a real server.

use steadfast::idempotency::conformance;
use steadfast_servers::redis::Redis;

use super::open;

#[tokio::test]
async fn redis_keeps_the_laws() {
    let server = Redis::start();
    conformance::check(&open(&server), tokio::time::sleep).await;
}

#[tokio::test]
async fn redis_keeps_the_laws_under_another_prefix_in_another_database() {
    let server = Redis::start();
    let url = format!("{}3?protocol=resp3", server.url());
    let store = steadfast::idempotency::RedisStore::open(url).unwrap().prefix("sh*p[1]:");
    conformance::check(&store, tokio::time::sleep).await;
    assert_eq!(server.command(&["DBSIZE"]).unwrap(), "0", "database 0 was not asked for");
}

/// Replication that is a moment late changes nothing for who asks the master.
#[tokio::test]
async fn redis_keeps_the_laws_with_a_replica_that_must_have_heard() {
    let master = Redis::durable();
    let replica = Redis::start();
    replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    while !master.command(&["INFO", "replication"]).unwrap().contains("state=online") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    master.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]).unwrap();
    conformance::check(&open(&master), tokio::time::sleep).await;
    // The scripts' effects are the same there.
    let digest = |server: &Redis| server.command(&["DBSIZE"]).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(digest(&master), digest(&replica));
}
