//! What `Classify` makes of the errors of a live server.

use std::process::Command;
use std::time::Duration;

use steadfast::{Classify as _, Kind};
use steadfast_servers::postgres::Postgres;
use tokio_postgres::{Client, Error, NoTls};

use super::{client, database};

fn code(error: &Error) -> &str {
    error.code().map_or("none", |code| code.code())
}

#[track_caller]
fn permanent(error: &Error, expected: &str) {
    assert_eq!(code(error), expected, "{error:?}");
    assert!(!error.classify().is_retryable(), "{error:?}");
}

#[track_caller]
fn conflict(error: &Error, expected: &str) {
    assert_eq!(code(error), expected, "{error:?}");
    assert_eq!(error.classify().retryable_kind(), Some(Kind::Conflict), "{error:?}");
    assert!(!error.classify().is_unsent(), "{error:?}");
}

async fn failed(client: &Client, sql: &str) -> Error {
    client.batch_execute(sql).await.expect_err(sql)
}

#[tokio::test]
async fn answers_that_stay_the_same_are_permanent() {
    let client = client(&database("permanent").await).await;
    client
        .batch_execute(
            "CREATE TABLE t (id integer PRIMARY KEY CHECK (id > 0)); INSERT INTO t VALUES (1)",
        )
        .await
        .unwrap();
    permanent(&failed(&client, "INSERT INTO t VALUES (1)").await, "23505");
    permanent(&failed(&client, "INSERT INTO t VALUES (-1)").await, "23514");
    permanent(&failed(&client, "INSERT INTO t VALUES (NULL)").await, "23502");
    permanent(&failed(&client, "SELEC 1").await, "42601");
    permanent(&failed(&client, "SELECT * FROM missing").await, "42P01");
    permanent(&failed(&client, "SELECT 1 / 0").await, "22012");
    let slow = "SET statement_timeout = 20; SELECT pg_sleep(5)";
    permanent(&failed(&client, slow).await, "57014");
    client.batch_execute("SET statement_timeout = 0; BEGIN").await.unwrap();
    permanent(&failed(&client, "SELECT 1 / 0").await, "22012");
    permanent(&failed(&client, "SELECT 1").await, "25P02");
}

#[tokio::test]
async fn a_deadlock_is_a_conflict() {
    let url = database("deadlock").await;
    let (one, two) = (client(&url).await, client(&url).await);
    one.batch_execute("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
        .await
        .unwrap();
    for (client, id) in [(&one, 1), (&two, 2)] {
        let lock =
            format!("SET deadlock_timeout = 20; BEGIN; UPDATE t SET id = id WHERE id = {id}");
        client.batch_execute(&lock).await.unwrap();
    }
    let (of_one, of_two) = tokio::join!(
        one.batch_execute("UPDATE t SET id = id WHERE id = 2; COMMIT"),
        two.batch_execute("UPDATE t SET id = id WHERE id = 1; COMMIT"),
    );
    let victims: Vec<_> = [of_one, of_two].into_iter().filter_map(Result::err).collect();
    assert_eq!(victims.len(), 1, "one of them goes on");
    conflict(&victims[0], "40P01");
}

#[tokio::test]
async fn a_serialization_failure_is_a_conflict() {
    let url = database("serialization").await;
    let (one, two) = (client(&url).await, client(&url).await);
    one.batch_execute("CREATE TABLE t (n integer); INSERT INTO t VALUES (0)").await.unwrap();
    for client in [&one, &two] {
        client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT n FROM t").await.unwrap();
    }
    one.batch_execute("UPDATE t SET n = n + 1; COMMIT").await.unwrap();
    conflict(&failed(&two, "UPDATE t SET n = n + 1").await, "40001");
}

#[tokio::test]
async fn a_lock_that_is_not_available_is_a_conflict() {
    let url = database("lock").await;
    let (one, two) = (client(&url).await, client(&url).await);
    one.batch_execute("CREATE TABLE t (n integer); INSERT INTO t VALUES (0)").await.unwrap();
    one.batch_execute("BEGIN; UPDATE t SET n = 1").await.unwrap();
    conflict(&failed(&two, "SELECT n FROM t FOR UPDATE NOWAIT").await, "55P03");
    conflict(&failed(&two, "SET lock_timeout = 20; UPDATE t SET n = 2").await, "55P03");
}

#[tokio::test]
async fn a_session_that_is_ended_is_transient_and_so_is_what_follows() {
    let url = database("ended").await;
    let (victim, admin) = (client(&url).await, client(&url).await);
    let pid: i32 = victim.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let (error, ended) = tokio::join!(failed(&victim, "SELECT pg_sleep(30)"), async {
        let asleep = "SELECT count(*) FROM pg_stat_activity
                      WHERE pid = $1 AND query LIKE 'SELECT pg_sleep%'";
        while admin.query_one(asleep, &[&pid]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
        admin.query_one("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap().get::<_, bool>(0)
    });
    assert!(ended);
    assert_eq!(code(&error), "57P01");
    let class = error.classify();
    assert!(class.is_retryable() && !class.is_unsent(), "{error:?}");
    let next = failed(&victim, "SELECT 1").await;
    assert!(next.is_closed() && next.classify().is_retryable(), "{next:?}");
}

#[tokio::test]
async fn too_many_connections_is_transient_and_unsent() {
    let server = Postgres::start_with(&[
        ("max_connections", "3"),
        ("superuser_reserved_connections", "0"),
        ("max_wal_senders", "0"),
    ]);
    let _held =
        [client(&server.url()).await, client(&server.url()).await, client(&server.url()).await];
    let error = tokio_postgres::connect(&server.url(), NoTls).await.err().expect("it is full");
    assert_eq!(code(&error), "53300");
    assert!(error.classify().is_retryable() && error.classify().is_unsent());
}

#[tokio::test]
async fn a_server_that_goes_away_is_transient_at_every_stage() {
    let mut server = Postgres::start();
    let held = client(&server.url()).await;

    // It waits for the open session and lets nobody else in.
    let term = format!("kill -TERM {}", server.pid());
    assert!(Command::new("/bin/sh").args(["-c", &term]).status().unwrap().success());
    let refused = loop {
        match tokio_postgres::connect(&server.url(), NoTls).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => break error,
        }
    };
    assert_eq!(code(&refused), "57P03");
    assert!(refused.classify().is_retryable() && refused.classify().is_unsent());

    server.kill();
    let broken = failed(&held, "SELECT 1").await;
    assert_eq!(code(&broken), "none");
    let class = broken.classify();
    assert!(class.is_retryable() && !class.is_unsent(), "{broken:?}");

    let nobody = tokio_postgres::connect(&server.url(), NoTls).await.err().expect("nobody listens");
    assert_eq!(code(&nobody), "none");
    assert!(nobody.classify().is_retryable() && nobody.classify().is_unsent(), "{nobody:?}");
}
