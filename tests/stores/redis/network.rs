//! What the network and the caller's runtime do to the store.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::aio::ConnectionManager;
use steadfast::idempotency::RedisStore;
use steadfast::idempotency::{Claimed, IdempotencyStore, RecordState, StoreErrorKind, Written};
use steadfast_servers::redis::Redis;

use super::proxy::{Network, Proxy};
use super::{TTL, kind, open, own, owned, request};

async fn through_proxy(timeout: u64) -> (Redis, Proxy, RedisStore) {
    let server = Redis::start();
    let proxy = Proxy::start(server.port()).await;
    let store = RedisStore::open(proxy.url()).unwrap().timeout(Duration::from_millis(timeout));
    (server, proxy, store)
}

#[tokio::test]
async fn connections_that_were_reset_are_made_anew_within_the_operation() {
    let server = Redis::start();
    let store = open(&server);
    let claim = own(&store, "k").await;
    for _ in 0..3 {
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        assert_eq!(store.renew("k", claim, TTL).await.unwrap(), Written::Made);
    }
}

#[tokio::test]
async fn an_operation_whose_answer_was_lost_answers_as_if_it_was_not() {
    let (server, proxy, store) = through_proxy(2000).await;
    // The scripts are known, so that it is their answer which is lost.
    let warm = own(&store, "warm").await;
    store.complete("warm", warm, b"", TTL).await.unwrap();

    proxy.set(Network::LosesAnswer);
    let claim = own(&store, "k").await;
    assert_eq!(claim.fence, 1, "it was claimed once");
    assert_eq!(server.command(&["HGET", "steadfast:k", "c"]).unwrap(), "1");
    proxy.set(Network::LosesAnswer);
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
    assert_eq!(proxy.connections(), 3, "two answers were lost");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_given_up_and_replaced() {
    let (_server, proxy, store) = through_proxy(100).await;
    let claim = own(&store, "k").await;
    proxy.set(Network::Swallows);
    let begun = Instant::now();
    assert_eq!(kind(store.renew("k", claim, TTL).await), StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(3));
    // New connections would go through, and the old one never again.
    proxy.set(Network::Works);
    assert_eq!(store.renew("k", claim, TTL).await.unwrap(), Written::Made);
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
}

#[tokio::test]
async fn a_black_hole_costs_no_more_than_the_timeout() {
    // Nobody accepts, and nobody refuses.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let store = RedisStore::open(url).unwrap().timeout(Duration::from_millis(100));
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(kind(store.claim(request("k")).await), StoreErrorKind::Unavailable);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_network_that_loses_packets_is_only_slow() {
    let (_server, proxy, store) = through_proxy(2000).await;
    proxy.set(Network::Delays);
    for number in 0..10 {
        let key = format!("k{number}");
        let claim = own(&store, &key).await;
        assert_eq!(store.complete(&key, claim, b"v", TTL).await.unwrap(), Written::Made);
    }
}

#[tokio::test]
async fn what_answers_but_is_no_redis_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = client.read(&mut request).await;
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let store = RedisStore::open(url).unwrap().timeout(Duration::from_millis(500));
    assert!(store.claim(request("k")).await.is_err());
}

#[tokio::test]
async fn a_dropped_operation_leaves_the_connection_usable() {
    let server = Redis::start();
    let store = open(&server);
    own(&store, "warm").await;
    for number in 0..50 {
        let key = format!("k{number}");
        let asked = request(&key);
        let _ = tokio::time::timeout(Duration::from_micros(number * 10), store.claim(asked)).await;
        // Whether it was made or not, its owner gets it.
        assert_eq!(owned(store.claim(asked).await.unwrap()).fence, 1);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_is_blocked_or_gone_holds_nobody_up() {
    let server = Redis::start();
    let store = open(&server);
    let first = runtime();
    let claim = first.block_on(own(&store, "k"));
    // The first runtime drives nothing now: its thread is here.
    let second = runtime();
    assert_eq!(second.block_on(store.renew("k", claim, TTL)).unwrap(), Written::Made);
    drop(first);
    assert_eq!(second.block_on(store.renew("k", claim, TTL)).unwrap(), Written::Made);

    // More runtimes than connections are kept for.
    for _ in 0..40 {
        assert_eq!(runtime().block_on(store.renew("k", claim, TTL)).unwrap(), Written::Made);
    }
    assert_eq!(second.block_on(store.renew("k", claim, TTL)).unwrap(), Written::Made);
}

#[test]
fn without_a_runtime_it_is_refused_and_does_not_panic() {
    let store = RedisStore::open("redis://127.0.0.1:1/").unwrap();
    let mut asked = pin!(store.claim(request("k")));
    let Poll::Ready(answer) = asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it has nothing to wait with")
    };
    assert_eq!(kind(answer), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_connection_of_the_callers_own_is_used() {
    let server = Redis::start();
    let client = redis::Client::open(server.url()).unwrap();
    let store = RedisStore::new(ConnectionManager::new(client).await.unwrap());
    let claim = own(&store, "k").await;
    server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
    assert_eq!(store.peek("k").await.unwrap().unwrap().state, RecordState::Done);
    let other = open(&server);
    assert!(matches!(other.claim(request("k")).await.unwrap(), Claimed::Done { .. }));
}

#[tokio::test]
async fn the_newer_protocol_is_spoken_too() {
    let server = Redis::durable();
    let store = RedisStore::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let claim = own(&store, "k").await;
    assert_eq!(store.mark_unknown("k", claim, "why").await.unwrap(), Written::Made);
    assert_eq!(store.unknowns(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.audit().await.unwrap(), Vec::<String>::new());
}

#[test]
fn a_url_that_is_none_is_refused() {
    for url in ["", "localhost", "http://127.0.0.1/", "redis://127.0.0.1:port/"] {
        assert_eq!(kind(RedisStore::open(url)), StoreErrorKind::Refused, "{url}");
    }
}
