//! What the suite of all stores does not see: the tables, the connections, the index.

use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast::idempotency::{
    Claimed, IdempotencyStore as _, OnUnknown, PostgresStore, RecordState, Resolution,
    StoreErrorKind, Written, conformance,
};

use super::{DAY, client, complete, connected, database, own, request, store};

#[tokio::test]
async fn the_store_keeps_the_laws() {
    let (store, _url) = store("laws").await;
    conformance::check(&store, tokio::time::sleep).await;
}

#[tokio::test]
async fn the_store_keeps_the_laws_on_a_connection_of_the_users() {
    let (_store, url) = store("laws_given").await;
    let store = PostgresStore::on(client(&url).await);
    conformance::check(&store, tokio::time::sleep).await;
}

#[tokio::test]
async fn processes_that_start_together_make_the_tables_once() {
    let url = database("together").await;
    let starts = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { connected(&url).await.migrate().await })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().expect("each of them succeeds");
    }
    let row = client(&url).await;
    let row = row.query_one("SELECT count(*) FROM steadfast_idempotency_schema", &[]).await;
    assert_eq!(row.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_role_without_rights_to_create_migrates_what_is_there() {
    let (_store, url) = store("without_rights").await;
    let admin = client(&url).await;
    admin
        .batch_execute(
            "CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
             GRANT SELECT ON steadfast_idempotency_schema TO clerk",
        )
        .await
        .unwrap();
    let clerk = connected(&url.replace("postgres@", "clerk@")).await;
    clerk.migrate().await.expect("there is nothing to do");
    let refused = clerk.claim(request("k", 1)).await.expect_err("it may not write");
    assert_eq!(refused.kind(), StoreErrorKind::Refused);
    assert!(refused.to_string().contains("42501"), "{refused}");
    admin.batch_execute("GRANT ALL ON steadfast_idempotency TO clerk").await.unwrap();
    own(&clerk, "k", 1).await;
}

#[tokio::test]
async fn a_claim_on_a_new_database_says_what_to_call() {
    let url = database("new_database").await;
    let store = connected(&url).await;
    let error = store.claim(request("k", 1)).await.expect_err("there are no tables");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("migrate()"), "{error}");
    // The same store works once another process has made them.
    connected(&url).await.migrate().await.unwrap();
    own(&store, "k", 1).await;
    // And says it again when they are gone.
    client(&url).await.batch_execute("DROP TABLE steadfast_idempotency").await.unwrap();
    let error = store.peek("k").await.expect_err("the table was dropped");
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("migrate()"), "{error}");
}

#[tokio::test]
async fn tables_of_another_version_are_left_alone() {
    let (store, url) = store("another_version").await;
    let admin = client(&url).await;
    admin.batch_execute("UPDATE steadfast_idempotency_schema SET version = 7").await.unwrap();
    let newer = connected(&url).await;
    for error in [
        newer.claim(request("k", 1)).await.expect_err("the tables are newer"),
        newer.migrate().await.expect_err("and stay so"),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{error}");
        assert!(error.to_string().contains("update the library"), "{error}");
    }
    assert_eq!(newer.audit().await.unwrap().len(), 1);
    admin.batch_execute("UPDATE steadfast_idempotency_schema SET version = 0").await.unwrap();
    let older = connected(&url).await.peek("k").await.expect_err("the tables are older");
    assert_eq!(older.kind(), StoreErrorKind::Incompatible, "{older}");
    assert!(older.to_string().contains("migrate()"), "{older}");
    drop(store);
}

#[tokio::test]
async fn records_that_cannot_be_read_are_neither_run_again_nor_overwritten() {
    let (store, url) = store("unreadable").await;
    let admin = client(&url).await;
    for key in ["newer", "corrupt"] {
        let claim = own(&store, key, 1).await;
        complete(&store, key, claim, b"paid").await;
    }
    admin
        .batch_execute(
            "ALTER TABLE steadfast_idempotency
                 DROP CONSTRAINT steadfast_idempotency_state_check;
             UPDATE steadfast_idempotency SET format = 2 WHERE key = 'newer';
             UPDATE steadfast_idempotency SET state = 'dome' WHERE key = 'corrupt'",
        )
        .await
        .expect_err("the value belongs to `done`");
    admin
        .batch_execute(
            "ALTER TABLE steadfast_idempotency
                 DROP CONSTRAINT steadfast_idempotency_state_check,
                 DROP CONSTRAINT steadfast_idempotency_check;
             UPDATE steadfast_idempotency SET format = 2 WHERE key = 'newer';
             UPDATE steadfast_idempotency SET state = 'dome' WHERE key = 'corrupt'",
        )
        .await
        .unwrap();
    let before = dump(&admin).await;
    for (key, kind) in
        [("newer", StoreErrorKind::Incompatible), ("corrupt", StoreErrorKind::Corrupt)]
    {
        let mut take = request(key, 2);
        take.on_unknown = OnUnknown::Take;
        let claim = steadfast::idempotency::Claim { owner: take.owner, fence: 1 };
        for error in [
            store.claim(take).await.expect_err(key),
            store.peek(key).await.expect_err(key),
            store.complete(key, claim, b"again", DAY).await.expect_err(key),
            store.release(key, claim, "").await.expect_err(key),
            store.resolve(key, 1, Resolution::NotDone).await.expect_err(key),
        ] {
            assert_eq!(error.kind(), kind, "{key}: {error}");
        }
    }
    admin
        .batch_execute("UPDATE steadfast_idempotency SET expires_at = now() WHERE key = 'newer'")
        .await
        .unwrap();
    assert_eq!(store.sweep().await.unwrap(), 0, "whoever wrote it may still know it");
    assert_eq!(dump(&admin).await.len(), before.len());
    assert_eq!(dump(&admin).await[0], before[0]);
}

async fn dump(admin: &tokio_postgres::Client) -> Vec<String> {
    let rows = admin.query("SELECT r::text FROM steadfast_idempotency r ORDER BY key", &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn the_clock_of_this_machine_and_the_zone_of_the_session_change_nothing() {
    let (store, url) = store("clocks").await;
    let admin = client(&url).await;
    admin.batch_execute("ALTER DATABASE clocks SET timezone = 'Asia/Tokyo'").await.unwrap();
    let elsewhere = connected(&url).await;
    own(&elsewhere, "k", 1).await;
    match store.claim(request("k", 2)).await.unwrap() {
        Claimed::InFlight { fence: 1, left } => {
            assert!(left > Duration::from_secs(25) && left <= Duration::from_secs(30), "{left:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_replay_writes_nothing() {
    let (store, url) = store("replay").await;
    let claim = own(&store, "k", 1).await;
    complete(&store, "k", claim, b"paid").await;
    let admin = client(&url).await;
    let before = dump(&admin).await;
    let version = "SELECT xmin::text || ' ' || xmax::text FROM steadfast_idempotency";
    let row = admin.query_one(version, &[]).await.unwrap().get::<_, String>(0);
    for owner in 2..12 {
        let answer = store.claim(request("k", owner)).await.unwrap();
        assert_eq!(answer, Claimed::Done { value: b"paid".to_vec() });
    }
    assert_eq!(dump(&admin).await, before);
    assert_eq!(admin.query_one(version, &[]).await.unwrap().get::<_, String>(0), row);
}

#[tokio::test]
async fn unknown_records_are_found_by_an_index_and_expired_ones_too() {
    let (store, url) = store("by_index").await;
    let admin = client(&url).await;
    admin
        .batch_execute(
            "INSERT INTO steadfast_idempotency
             SELECT 'k' || n, 1, CASE WHEN n % 100 = 0 THEN 'unknown' ELSE 'done' END,
                    NULL, 1, 1, false, NULL, 1000000, now(),
                    now() + interval '1 day',
                    CASE WHEN n % 100 = 0 THEN NULL ELSE ''::bytea END, NULL
             FROM generate_series(1, 20000) n;
             ANALYZE steadfast_idempotency",
        )
        .await
        .unwrap();
    let plan = async |sql: &str| {
        let explained = admin.query(&format!("EXPLAIN {sql}"), &[]).await.unwrap();
        explained.iter().map(|row| row.get::<_, String>(0) + "\n").collect::<String>()
    };
    let sql = include_str!("../../../retry-runtime/src/idempotency/postgres/unknowns.sql");
    let unknowns = plan(&sql.replace("$1", "'k5'").replace("$2", "10")).await;
    assert!(unknowns.contains("steadfast_idempotency_open"), "{unknowns}");
    let sql = include_str!("../../../retry-runtime/src/idempotency/postgres/lapse_some.sql");
    let lapse = plan(&sql.replace("$1", "'k5'").replace("$2", "10")).await;
    assert!(lapse.contains("steadfast_idempotency_open"), "{lapse}");
    let sql = include_str!("../../../retry-runtime/src/idempotency/postgres/sweep.sql");
    let sweep = plan(&sql.replace("$1", "1000")).await;
    assert!(sweep.contains("steadfast_idempotency_expires_at"), "{sweep}");

    let mut pages = 0;
    let mut last: Option<String> = None;
    let mut keys = Vec::new();
    loop {
        let page = store.unknowns(last.as_deref(), 70).await.unwrap();
        let Some(record) = page.last() else { break };
        last = Some(record.key.clone());
        assert!(page.iter().all(|record| record.state == RecordState::Unknown));
        keys.extend(page.into_iter().map(|record| record.key));
        pages += 1;
    }
    assert_eq!((pages, keys.len()), (3, 200));
    assert!(keys.is_sorted());
}

#[tokio::test]
async fn two_sweepers_share_the_work() {
    let (store, url) = store("sweepers").await;
    let admin = client(&url).await;
    admin
        .batch_execute(
            "INSERT INTO steadfast_idempotency
             SELECT 'k' || n, 1, 'released', NULL, 1, 1, false, NULL,
                    1, now(), now() + CASE WHEN n > 5000 THEN interval '1 day' ELSE '0' END,
                    NULL, NULL
             FROM generate_series(1, 5010) n",
        )
        .await
        .unwrap();
    let other = connected(&url).await;
    let (one, two) = tokio::join!(store.sweep(), other.sweep());
    assert_eq!(one.unwrap() + two.unwrap(), 5000);
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert_eq!(dump(&admin).await.len(), 10);
}

#[tokio::test]
async fn of_many_stores_on_one_database_one_owns_a_key() {
    let (_store, url) = store("many_stores").await;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(Arc::new(connected(&url).await));
    }
    for round in 0..25 {
        let key = format!("k{round}");
        let claims = (0..16_u128).map(|owner| {
            let store = Arc::clone(&stores[(owner % 4) as usize]);
            let key = key.clone();
            tokio::spawn(async move { store.claim(request(&key, owner)).await })
        });
        let mut owned = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap().expect("the store answers") {
                Claimed::Owned { claim, was_unknown: false } => {
                    assert_eq!(claim.fence, 1);
                    owned += 1;
                }
                Claimed::InFlight { fence: 1, .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(owned, 1);
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anything_is_sent() {
    let (store, _url) = store("hostile").await;
    let long = "k".repeat(1 << 20);
    for key in ["", "a\0b", "schlüssel", "two\nlines", &long] {
        let error = store.claim(request(key, 1)).await.expect_err("it is no key");
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
    // Whatever else is printable is a key, and none is taken for another.
    let keys = ["'; DROP TABLE steadfast_idempotency; --", "{a}:b", "{a:}b", "%", "_", "\\", "$1"];
    for (owner, key) in keys.into_iter().enumerate() {
        let claim = own(&store, key, owner as u128).await;
        assert_eq!(complete(&store, key, claim, key.as_bytes()).await, Written::Made);
    }
    for key in keys {
        let record = store.peek(key).await.unwrap().expect("it is there");
        assert_eq!(record.value.as_deref(), Some(key.as_bytes()));
    }
    let claim = own(&store, "noted", 9).await;
    store.release("noted", claim, &format!("nul \0, {long}")).await.expect("a note never hinders");
    let note = store.peek("noted").await.unwrap().unwrap().note.unwrap();
    assert!(note.starts_with("nul \u{fffd}") && note.len() <= 1024);
}

#[tokio::test]
async fn a_table_that_is_altered_while_the_store_is_in_use_is_no_error() {
    let (store, url) = store("altered").await;
    let claim = own(&store, "k", 1).await;
    let alter = "ALTER TABLE steadfast_idempotency ALTER COLUMN note TYPE varchar";
    store.peek("k").await.unwrap();
    client(&url).await.batch_execute(alter).await.unwrap();
    assert!(store.peek("k").await.unwrap().is_some());
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
}

#[tokio::test]
async fn the_audit_finds_what_breaks_promises() {
    let (store, url) = store("audited").await;
    assert_eq!(store.audit().await.unwrap(), Vec::<String>::new());
    let admin = client(&url).await;
    admin
        .batch_execute(
            "ALTER DATABASE audited SET synchronous_commit = off;
             ALTER DATABASE audited SET default_transaction_read_only = on;
             ALTER TABLE steadfast_idempotency SET UNLOGGED",
        )
        .await
        .unwrap();
    let faults = connected(&url).await.audit().await.unwrap().join("\n");
    for word in ["synchronous_commit", "read_only", "unlogged"] {
        assert!(faults.contains(word), "{word} is missing:\n{faults}");
    }
}

#[tokio::test]
async fn a_store_works_on_a_connection_of_the_users() {
    let (_store, url) = store("given").await;
    let users = Arc::new(client(&url).await);
    let store = PostgresStore::on(Arc::clone(&users));
    let claim = own(&store, "k", 1).await;
    assert_eq!(complete(&store, "k", claim, b"paid").await, Written::Made);
    let prepared = users.query_one("SELECT count(*) FROM pg_prepared_statements", &[]).await;
    // The one that counts is itself.
    assert_eq!(prepared.unwrap().get::<_, i64>(0), 1);
}

/// Prints the figure; the bound only catches what is out of all proportion.
#[tokio::test]
async fn a_claim_costs_about_as_much_as_a_commit() {
    let (store, url) = store("cost").await;
    let users = client(&url).await;
    users.batch_execute("CREATE TABLE bare (key text PRIMARY KEY, value text)").await.unwrap();
    let insert = users.prepare("INSERT INTO bare VALUES ($1, 'v')").await.unwrap();
    let (mut claims, mut inserts, mut replays) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..200_u32 {
        let key = format!("k{n}");
        let begun = Instant::now();
        let claim = own(&store, &key, u128::from(n)).await;
        claims.push(begun.elapsed());
        complete(&store, &key, claim, b"paid").await;
        let begun = Instant::now();
        store.claim(request(&key, 7)).await.unwrap();
        replays.push(begun.elapsed());
        let begun = Instant::now();
        users.execute(&insert, &[&key]).await.unwrap();
        inserts.push(begun.elapsed());
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (claim, insert, replay) = (median(claims), median(inserts), median(replays));
    println!("median: claim {claim:?}, replay {replay:?}, a bare insert {insert:?}");
    assert!(claim < insert * 5 + Duration::from_millis(5), "claim {claim:?}, insert {insert:?}");
}
