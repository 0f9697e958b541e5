//! What stands under a key: somebody else's data, damaged and newer records, hostile keys.

use std::time::Duration;

use steadfast::idempotency::{
    Claim, Claimed, IdempotencyStore, RecordState, Resolution, StoreErrorKind, Written,
};
use steadfast_servers::redis::Redis;

use super::{TTL, kind, lease_over, open, own, owned, request, short, somebody, taking};

/// Every operation that could write answers with `expected` and leaves the key as it is.
async fn untouched(server: &Redis, key: &str, expected: StoreErrorKind) {
    let store = open(server);
    let stored = format!("steadfast:{key}");
    let dump = || server.command(&["DUMP", &stored]).unwrap();
    let ttl = || server.command(&["PTTL", &stored]).unwrap().parse::<i64>().unwrap();
    let before = (dump(), ttl());
    let claim = Claim { owner: somebody(), fence: 1 };
    assert_eq!(kind(store.claim(request(key)).await), expected);
    assert_eq!(kind(store.claim(taking(key)).await), expected);
    assert_eq!(kind(store.renew(key, claim, TTL).await), expected);
    assert_eq!(kind(store.complete(key, claim, b"v", TTL).await), expected);
    assert_eq!(kind(store.release(key, claim, "").await), expected);
    assert_eq!(kind(store.mark_unknown(key, claim, "").await), expected);
    assert_eq!(kind(store.peek(key).await), expected);
    assert_eq!(kind(store.resolve(key, 1, Resolution::NotDone).await), expected);
    assert_eq!(dump(), before.0);
    let later = ttl();
    assert!(later <= before.1 && later >= before.1 - 20_000, "{} and then {later}", before.1);
    // It does not hide the others.
    assert_eq!(store.unknowns(None, 10).await.unwrap(), vec![]);
}

#[tokio::test]
async fn other_data_under_the_key_is_refused() {
    let server = Redis::start();
    server.command(&["SET", "steadfast:text", "1"]).unwrap();
    server.command(&["RPUSH", "steadfast:list", "1"]).unwrap();
    untouched(&server, "text", StoreErrorKind::Refused).await;
    untouched(&server, "list", StoreErrorKind::Refused).await;
}

#[tokio::test]
async fn records_that_cannot_be_read_are_neither_run_again_nor_overwritten() {
    let server = Redis::start();
    let store = open(&server);
    let damages: [(&str, &[&str]); 14] = [
        ("no version", &["HDEL", "v"]),
        ("a version that is none", &["HSET", "v", "one"]),
        ("no state", &["HDEL", "s"]),
        ("an unheard-of state", &["HSET", "s", "x"]),
        ("no owner", &["HDEL", "o"]),
        ("half an owner", &["HSET", "o", "0123"]),
        ("no fence", &["HDEL", "n"]),
        ("a fence that is no number", &["HSET", "n", "1e5"]),
        ("a fence beyond all numbers", &["HSET", "n", "99999999999999999999"]),
        ("negative claims", &["HSET", "c", "-1"]),
        ("no time to live", &["HDEL", "t"]),
        ("a lease that is no number", &["HSET", "l", "soon"]),
        ("a broken fingerprint", &["HSET", "p", "zz"]),
        ("no mark", &["HSET", "k", "maybe"]),
    ];
    for (number, (name, damage)) in damages.iter().enumerate() {
        println!("{name}");
        let key = format!("k{number}");
        own(&store, &key).await;
        let stored = format!("steadfast:{key}");
        let words: Vec<_> =
            [damage[0], &stored].into_iter().chain(damage[1..].iter().copied()).collect();
        server.command(&words).unwrap();
        untouched(&server, &key, StoreErrorKind::Corrupt).await;
    }

    let claim = own(&store, "done").await;
    store.complete("done", claim, b"v", TTL).await.unwrap();
    server.command(&["HDEL", "steadfast:done", "b"]).unwrap();
    untouched(&server, "done", StoreErrorKind::Corrupt).await;

    server.command(&["HSET", "steadfast:other", "name", "value"]).unwrap();
    untouched(&server, "other", StoreErrorKind::Corrupt).await;
}

#[tokio::test]
async fn a_newer_record_is_left_to_those_who_know_it() {
    let server = Redis::start();
    let store = open(&server);
    own(&store, "k").await;
    server.command(&["HSET", "steadfast:k", "v", "2", "s", "paused"]).unwrap();
    untouched(&server, "k", StoreErrorKind::Incompatible).await;
    let told = store.peek("k").await.unwrap_err().to_string();
    assert!(told.contains("version 2"), "{told}");
}

#[tokio::test]
async fn a_field_that_a_newer_release_adds_does_not_disturb() {
    let server = Redis::start();
    let store = open(&server);
    let claim = own(&store, "k").await;
    server.command(&["HSET", "steadfast:k", "future", "1"]).unwrap();
    assert_eq!(store.complete("k", claim, b"v", TTL).await.unwrap(), Written::Made);
    assert_eq!(server.command(&["HGET", "steadfast:k", "future"]).unwrap(), "1");
}

#[tokio::test]
async fn hostile_keys_are_keys_like_others() {
    let server = Redis::start();
    let store = open(&server).prefix("a*b?[c]^\\:");
    let long = "x".repeat(1 << 20);
    let keys = [
        "",
        "\0",
        "a\0b",
        "a\0",
        "{}",
        "{a}_{b}",
        "}{",
        "*",
        "?",
        "[a-z]",
        "\\",
        "^",
        "\r\n",
        "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
        " ",
        "%00",
        "ключ",
        "🔑",
        "'; DROP",
        "$1",
        "KEYS[1]",
        &long,
    ];
    for (number, key) in keys.iter().enumerate() {
        let claim = own(&store, key).await;
        assert_eq!(claim.fence, 1, "{number}: a key met another");
        let value = format!("{number}");
        let written = store.complete(key, claim, value.as_bytes(), TTL).await.unwrap();
        assert_eq!(written, Written::Made);
    }
    for (number, key) in keys.iter().enumerate() {
        let value = format!("{number}").into_bytes();
        assert_eq!(store.claim(request(key)).await.unwrap(), Claimed::Done { value });
        assert_eq!(store.peek(key).await.unwrap().unwrap().key, **key);
    }
    assert_eq!(server.command(&["DBSIZE"]).unwrap(), keys.len().to_string());
}

#[tokio::test]
async fn stores_with_other_prefixes_do_not_meet() {
    let server = Redis::start();
    let (shop, bank) = (open(&server).prefix("shop:"), open(&server).prefix("bank:"));
    // As a pattern this would match the first.
    let wild = open(&server).prefix("sh*p:");
    for store in [&shop, &bank, &wild] {
        let claim = own(store, "k").await;
        assert_eq!(claim.fence, 1);
        store.mark_unknown("k", claim, "why").await.unwrap();
        assert_eq!(store.unknowns(None, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn large_answers_come_back_as_they_were() {
    let server = Redis::start();
    let store = open(&server);
    let value: Vec<u8> = (0..10 << 20_u32).map(|n: u32| (n % 251) as u8).collect();
    let claim = own(&store, "k").await;
    assert_eq!(store.complete("k", claim, &value, TTL).await.unwrap(), Written::Made);
    assert_eq!(store.claim(request("k")).await.unwrap(), Claimed::Done { value });
}

#[tokio::test]
async fn unknown_records_are_listed_in_order_and_by_pages() {
    let server = Redis::start();
    let store = open(&server);
    let mut expected = Vec::new();
    for number in 0..2500 {
        let key = format!("k{number:04}");
        let claim = own(&store, &key).await;
        if number % 5 == 0 {
            store.mark_unknown(&key, claim, "why").await.unwrap();
            expected.push(key);
        }
    }
    let lapsed = owned(store.claim(short("lapsed")).await.unwrap());
    lease_over().await;
    expected.push("lapsed".to_owned());

    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().cloned();
        let page = store.unknowns(after.as_deref(), 200).await.unwrap();
        assert!(page.len() <= 200);
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|record| record.state == RecordState::Unknown));
        found.extend(page.into_iter().map(|record| record.key));
    }
    assert_eq!(found, expected);
    let last = store.unknowns(Some("k2495"), 10).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(
        (last[0].fence, last[0].note.as_deref()),
        (lapsed.fence, Some("the lease passed without an answer"))
    );
    assert_eq!(store.unknowns(None, 0).await.unwrap(), vec![]);
}

/// The clock of a node cannot matter: what it sends are lengths of time, and what is stored is reckoned
/// from the server's.
#[tokio::test]
async fn leases_and_expiry_are_reckoned_from_the_clock_of_the_server() {
    let server = Redis::start();
    let store = open(&server);
    let number = |text: String| text.parse::<u64>().unwrap();
    let now = || {
        let time = server.command(&["TIME"]).unwrap();
        let (secs, micros) = time.split_once('\n').unwrap();
        number(secs.to_owned()) * 1000 + number(micros.to_owned()) / 1000
    };
    let mut asked = request("k");
    asked.lease = Duration::from_secs(7);
    asked.ttl = Duration::from_secs(1000);
    let before = now();
    let claim = owned(store.claim(asked).await.unwrap());
    let after = now();
    let lease_end = number(server.command(&["HGET", "steadfast:k", "l"]).unwrap());
    assert!((before + 7000..=after + 7000).contains(&lease_end));
    // Kept for the time to live even if nobody ends it.
    let expires = || {
        let asked = now();
        let left = number(server.command(&["PTTL", "steadfast:k"]).unwrap());
        asked + left..=now() + left + 1
    };
    let is_within = |expires: std::ops::RangeInclusive<u64>, from: u64, to: u64| {
        assert!(*expires.end() >= from && *expires.start() <= to, "{expires:?}, not {from}..={to}");
    };
    is_within(expires(), lease_end + 1_000_000, lease_end + 1_000_000);

    let before = now();
    store.renew("k", claim, Duration::from_secs(9)).await.unwrap();
    is_within(expires(), before + 9000 + 1_000_000, now() + 9000 + 1_000_000);
    let before = now();
    store.complete("k", claim, b"v", Duration::from_secs(50)).await.unwrap();
    is_within(expires(), before + 50_000, now() + 50_000);
}

#[tokio::test]
async fn a_node_whose_clock_is_an_hour_off_sees_what_the_others_see() {
    let server = Redis::start();
    let store = open(&server);
    let claim = own(&store, "k").await;
    let scope = steadfast::testing::scope();
    scope.advance(Duration::from_secs(3600));
    assert!(matches!(
        store.claim(request("k")).await.unwrap(),
        Claimed::InFlight { fence: 1, left } if left > Duration::from_secs(20)
    ));
    assert_eq!(store.renew("k", claim, Duration::from_secs(30)).await.unwrap(), Written::Made);
    owned(store.claim(request("its own")).await.unwrap());
    drop(scope);
    for key in ["k", "its own"] {
        let Claimed::InFlight { left, .. } = store.claim(request(key)).await.unwrap() else {
            panic!("{key} is in flight for everybody")
        };
        assert!(left > Duration::from_secs(20) && left <= Duration::from_secs(30), "{left:?}");
    }
}

#[tokio::test]
async fn a_record_outlives_its_lease_and_is_forgotten_after_its_time() {
    let server = Redis::start();
    let store = open(&server);
    let mut asked = short("k");
    asked.ttl = Duration::from_millis(150);
    owned(store.claim(asked).await.unwrap());
    lease_over().await;
    let record = store.peek("k").await.unwrap().expect("it is kept");
    assert_eq!(record.state, RecordState::Unknown);
    assert!(record.expires_in <= Duration::from_millis(150));
    tokio::time::sleep(Duration::from_millis(160)).await;
    assert_eq!(store.peek("k").await.unwrap(), None);
    assert_eq!(store.sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn the_longest_durations_are_taken() {
    let server = Redis::start();
    let store = open(&server);
    let mut asked = request("k");
    asked.lease = Duration::MAX;
    asked.ttl = Duration::MAX;
    let claim = owned(store.claim(asked).await.unwrap());
    assert_eq!(store.renew("k", claim, Duration::MAX).await.unwrap(), Written::Made);
    assert_eq!(store.complete("k", claim, b"v", Duration::MAX).await.unwrap(), Written::Made);
    let record = store.peek("k").await.unwrap().unwrap();
    assert!(record.expires_in > Duration::from_secs(90 * 365 * 24 * 60 * 60));
}

#[tokio::test]
async fn an_operator_is_not_overruled_by_a_late_owner() {
    let server = Redis::start();
    let store = open(&server);
    let claim = owned(store.claim(short("k")).await.unwrap());
    lease_over().await;
    let done = Resolution::Done(b"paid".to_vec());
    assert_eq!(store.resolve("k", 1, done.clone()).await.unwrap(), Written::Made);
    // The answer was lost.
    assert_eq!(store.resolve("k", 1, done).await.unwrap(), Written::Made);
    let lost = Written::Lost { fence: Some(1) };
    assert_eq!(store.resolve("k", 1, Resolution::NotDone).await.unwrap(), lost);
    assert_eq!(store.resolve("k", 2, Resolution::NotDone).await.unwrap(), lost);
    // The late one is not told that its answer is the one that counts.
    assert_eq!(store.complete("k", claim, b"mine", TTL).await.unwrap(), lost);
    let answer = store.claim(request("k")).await.unwrap();
    assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
}
