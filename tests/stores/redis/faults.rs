//! What the server does to the store.

use std::time::{Duration, Instant};

use steadfast::idempotency::RedisStore;
use steadfast::idempotency::{Claimed, IdempotencyStore, RecordState, StoreErrorKind, Written};
use steadfast_servers::redis::Redis;

use super::{TTL, kind, lease_over, open, own, owned, request, short, taking};

#[tokio::test]
async fn a_server_that_is_down_at_the_start_is_used_as_soon_as_it_is_there() {
    let mut server = Redis::durable();
    server.kill();
    let store = open(&server);
    let begun = Instant::now();
    assert_eq!(kind(store.claim(request("k")).await), StoreErrorKind::Unavailable);
    assert_eq!(kind(RedisStore::connect(server.url()).await), StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(2), "a refused connection is known at once");

    server.restart();
    // Not the error of the connection that failed meanwhile.
    own(&store, "k").await;
    RedisStore::connect(server.url()).await.unwrap();
}

#[tokio::test]
async fn a_claim_survives_the_death_of_a_durable_server() {
    let mut server = Redis::durable();
    let store = open(&server);
    let claim = own(&store, "k").await;
    server.kill();
    assert_eq!(kind(store.complete("k", claim, b"v", TTL).await), StoreErrorKind::Unavailable);

    server.restart();
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
    server.kill();
    server.restart();
    let answer = store.claim(request("k")).await.unwrap();
    assert_eq!(answer, Claimed::Done { value: b"v".to_vec() });
}

#[tokio::test]
async fn an_answer_is_not_given_to_a_server_that_lost_its_claim() {
    let mut server = Redis::start();
    let store = open(&server);
    let claim = own(&store, "k").await;
    server.kill();
    server.restart();
    let nothing = Written::Lost { fence: None };
    assert_eq!(store.renew("k", claim, TTL).await.unwrap(), nothing);
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), nothing);
    assert_eq!(store.peek("k").await.unwrap(), None);

    // Somebody else's claim has the same fence and is not taken for it.
    let other = own(&store, "k").await;
    assert_eq!(other.fence, claim.fence);
    let lost = Written::Lost { fence: Some(1) };
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), lost);
    assert_eq!(store.complete("k", other, b"v", TTL).await.unwrap(), Written::Made);
}

#[tokio::test]
async fn a_record_that_was_evicted_is_lost_and_not_made_up() {
    let server = Redis::with(&[("maxmemory-policy", "allkeys-random")]);
    let store = open(&server);
    let claim = own(&store, "k").await;
    server.command(&["CONFIG", "SET", "maxmemory", "2mb"]).unwrap();
    let filler = "x".repeat(10_000);
    for number in 0.. {
        assert!(number < 100_000, "the record is not evicted");
        server.command(&["SET", &format!("filler:{number}"), &filler]).unwrap();
        if server.command(&["EXISTS", "steadfast:k"]).unwrap() == "0" {
            break;
        }
    }
    let nothing = Written::Lost { fence: None };
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), nothing);
    assert_eq!(store.release("k", claim, "").await.unwrap(), nothing);
    assert_eq!(store.mark_unknown("k", claim, "").await.unwrap(), nothing);
    assert_eq!(server.command(&["EXISTS", "steadfast:k"]).unwrap(), "0");
    let findings = store.audit().await.unwrap();
    assert!(findings.iter().any(|finding| finding.contains("noeviction")), "{findings:?}");
}

#[tokio::test]
async fn a_stopped_server_costs_no_more_than_the_timeout() {
    let server = Redis::start();
    let store = open(&server).timeout(Duration::from_millis(150));
    let claim = own(&store, "mine").await;
    let asked = request("k");

    server.stop();
    let begun = Instant::now();
    let (claimed, completed, peeked, listed, audited) = tokio::join!(
        store.claim(asked),
        store.complete("mine", claim, b"v", TTL),
        store.peek("mine"),
        store.unknowns(None, 10),
        store.audit(),
    );
    assert_eq!(kind(claimed), StoreErrorKind::Unavailable);
    assert_eq!(kind(completed), StoreErrorKind::Unavailable);
    assert_eq!(kind(peeked), StoreErrorKind::Unavailable);
    assert_eq!(kind(listed), StoreErrorKind::Unavailable);
    assert_eq!(kind(audited), StoreErrorKind::Unavailable);
    // Also when there is no connection yet.
    assert_eq!(kind(store.peek("mine").await), StoreErrorKind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    server.cont();

    // Whether the first time was made or not, the second answers.
    assert_eq!(owned(store.claim(asked).await.unwrap()).fence, 1);
    assert_eq!(store.complete("mine", claim, b"v", TTL).await.unwrap(), Written::Made);
}

#[tokio::test]
async fn a_lease_that_ends_while_its_owner_hangs_is_not_its_any_more() {
    let server = Redis::start();
    let store = open(&server);
    let late = owned(store.claim(short("k")).await.unwrap());
    lease_over().await;
    let now = owned(store.claim(taking("k")).await.unwrap());
    assert_eq!((late.fence, now.fence), (1, 2));
    let lost = Written::Lost { fence: Some(2) };
    assert_eq!(store.complete("k", late, b"late", TTL).await.unwrap(), lost);
    assert_eq!(store.renew("k", late, TTL).await.unwrap(), lost);
    assert_eq!(store.release("k", late, "").await.unwrap(), lost);
    assert_eq!(store.complete("k", now, b"v", TTL).await.unwrap(), Written::Made);
}

#[tokio::test]
async fn forgotten_scripts_are_told_again() {
    let server = Redis::start();
    let store = open(&server);
    let flush = || server.command(&["SCRIPT", "FLUSH"]).unwrap();
    let claim = own(&store, "k").await;
    flush();
    assert_eq!(store.renew("k", claim, TTL).await.unwrap(), Written::Made);
    flush();
    assert_eq!(store.mark_unknown("k", claim, "why").await.unwrap(), Written::Made);
    flush();
    assert_eq!(store.unknowns(None, 10).await.unwrap().len(), 1);
    flush();
    let claim = owned(store.claim(taking("k")).await.unwrap());
    flush();
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
    flush();
    assert_eq!(store.peek("k").await.unwrap().unwrap().state, RecordState::Done);
}

#[tokio::test]
async fn a_replica_refuses_and_claims_nothing() {
    let master = Redis::start();
    let replica = Redis::start();
    let (of_master, of_replica) = (open(&master), open(&replica));
    own(&of_replica, "before").await;
    owned(of_master.claim(short("k")).await.unwrap());
    replica.command(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]).unwrap();
    let begun = Instant::now();
    while replica.info("master_link_status").unwrap().as_deref() != Some("up") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the replica does not follow");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lease_over().await;

    assert_eq!(kind(of_replica.claim(request("new")).await), StoreErrorKind::Unavailable);
    // Its owner may have prolonged the lease, and the replica not have heard of it.
    assert_eq!(kind(of_replica.claim(request("k")).await), StoreErrorKind::Unavailable);
    let refused = of_replica.claim(request("new")).await.unwrap_err().to_string();
    assert!(refused.contains("READONLY"), "{refused}");

    replica.command(&["REPLICAOF", "NO", "ONE"]).unwrap();
    own(&of_replica, "new").await;
    assert_eq!(of_replica.claim(request("k")).await.unwrap(), Claimed::Unknown { fence: 1 });
}

#[tokio::test]
async fn a_server_that_is_loading_is_unavailable_until_it_has_loaded() {
    let mut server = Redis::with(&[
        ("appendonly", "yes"),
        ("key-load-delay", "200"),
        // It answers while it loads after every two megabytes.
        ("rdbcompression", "no"),
    ]);
    let store = open(&server);
    let claim = own(&store, "k").await;
    for number in 0..2000 {
        server.command(&["SET", &format!("filler:{number}"), &"x".repeat(3000)]).unwrap();
    }
    server.command(&["BGREWRITEAOF"]).unwrap();
    while server.info("aof_rewrite_in_progress").unwrap().as_deref() != Some("0") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    server.restart_without_waiting();

    let (mut loading, mut errors) = (0, std::collections::BTreeSet::new());
    let begun = Instant::now();
    loop {
        match store.complete("k", claim, b"v", TTL).await {
            Ok(written) => {
                assert_eq!(written, Written::Made);
                break;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
                loading += u32::from(error.to_string().contains("LOADING"));
                errors.insert(error.to_string());
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it loads for ever");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(loading > 0, "the server was never seen loading, but {errors:?}");
}

#[tokio::test]
async fn a_full_server_refuses_a_claim_and_keeps_the_others() {
    let server = Redis::with(&[("maxmemory-policy", "noeviction")]);
    let store = open(&server);
    let claim = own(&store, "mine").await;
    // Less than it has in use already.
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();

    let refused = store.claim(request("k")).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(refused.to_string().contains("OOM"), "{refused}");
    assert_eq!(server.command(&["EXISTS", "steadfast:k"]).unwrap(), "0");
    assert_eq!(kind(store.complete("mine", claim, b"v", TTL).await), StoreErrorKind::Unavailable);
    assert_eq!(store.peek("mine").await.unwrap().unwrap().state, RecordState::InFlight);

    server.command(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    assert_eq!(store.complete("mine", claim, b"v", TTL).await.unwrap(), Written::Made);
    own(&store, "k").await;
}

#[tokio::test]
async fn a_server_whose_disk_fails_is_unavailable() {
    let server = Redis::start();
    server.command(&["CONFIG", "SET", "save", "3600 100000"]).unwrap();
    let store = open(&server);
    let claim = own(&store, "k").await;
    // A snapshot cannot replace a directory.
    let snapshot = server.dir().join("dump.rdb");
    std::fs::create_dir_all(snapshot.join("in the way")).unwrap();
    server.command(&["BGSAVE"]).unwrap();
    while server.info("rdb_last_bgsave_status").unwrap().as_deref() != Some("err") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = store.complete("k", claim, b"v", TTL).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(refused.to_string().contains("MISCONF"), "{refused}");
    let findings = store.audit().await.unwrap();
    assert!(findings.iter().any(|finding| finding.contains("disk failed")), "{findings:?}");

    std::fs::remove_dir_all(snapshot).unwrap();
    server.command(&["SAVE"]).unwrap();
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
}

#[tokio::test]
async fn a_password_is_refused_until_it_is_right() {
    let server = Redis::start();
    server.command(&["CONFIG", "SET", "requirepass", "secret"]).unwrap();
    let without = open(&server);
    let with = |password: &str| {
        RedisStore::open(format!("redis://:{password}@127.0.0.1:{}/", server.port())).unwrap()
    };
    let wrong = with("hunter2");
    assert_eq!(kind(without.claim(request("k")).await), StoreErrorKind::Refused);
    for _ in 0..2 {
        let refused = wrong.claim(request("k")).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Refused);
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
        assert!(!format!("{wrong:?}").contains("hunter2"));
    }
    own(&with("secret"), "k").await;

    // A rotation: the connection that was refused is not kept for ever.
    let mut admin = redis::Client::open(format!("redis://:secret@127.0.0.1:{}/", server.port()))
        .unwrap()
        .get_connection()
        .unwrap();
    redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("hunter2").exec(&mut admin).unwrap();
    own(&wrong, "other").await;
}

#[tokio::test]
async fn a_user_without_permission_is_refused() {
    let server = Redis::start();
    server
        .command(&[
            "ACL", "SETUSER", "reader", "on", ">pass", "~*", "+@read", "+evalsha", "+script",
        ])
        .unwrap();
    let store =
        RedisStore::open(format!("redis://reader:pass@127.0.0.1:{}/", server.port())).unwrap();
    assert_eq!(kind(store.claim(request("k")).await), StoreErrorKind::Refused);
    assert_eq!(server.command(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test]
async fn a_cluster_takes_every_script() {
    let server = Redis::with(&[("cluster-enabled", "yes")]);
    let store = open(&server);
    // No slots yet.
    assert_eq!(kind(store.claim(request("k")).await), StoreErrorKind::Unavailable);
    let slots: Vec<_> = (0..16_384).map(|slot| slot.to_string()).collect();
    let add: Vec<_> =
        ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
    server.command(&add).unwrap();
    let begun = Instant::now();
    while !server.command(&["CLUSTER", "INFO"]).unwrap().contains("cluster_state:ok") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the cluster does not form");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for key in ["k", "{a}_{b}", "order_{7}_payment"] {
        let claim = own(&store, key).await;
        assert_eq!(store.renew(key, claim, TTL).await.unwrap(), Written::Made);
        assert_eq!(store.mark_unknown(key, claim, "why").await.unwrap(), Written::Made);
    }
    assert_eq!(store.unknowns(None, 10).await.unwrap().len(), 3);
    assert!(store.audit().await.unwrap().iter().any(|finding| finding.contains("cluster")));
}

#[tokio::test]
async fn too_many_clients_are_not_for_ever() {
    let server = Redis::with(&[("maxclients", "2")]);
    let store = open(&server).timeout(Duration::from_millis(300));
    let url = server.url();
    let taken: Vec<_> = (0..2)
        .map(|_| redis::Client::open(url.as_str()).unwrap().get_connection().unwrap())
        .collect();
    assert_eq!(kind(store.claim(request("k")).await), StoreErrorKind::Unavailable);
    drop(taken);
    let begun = Instant::now();
    while store.claim(request("k")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
