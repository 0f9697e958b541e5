//! `cargo run --features postgres --example deadlock`: transactions that really deadlock, and others
//! that Postgres refuses to serialize, healed by `#[retry]` around the whole transaction.
//!
//! It starts a PostgreSQL of its own in a folder that is gone afterwards. With `-- --postgres URL` it
//! uses one of yours instead, within a schema that it drops at the end.
//!
//! Two things are worth copying. The attribute is on the function that *opens* the transaction, for
//! nothing inside one that was rolled back can succeed. And nobody says which errors to retry:
//! `tokio_postgres::Error` is classified by SQLSTATE.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use steadfast::{Classify, Report, RetryEvent, reported, retry};
use steadfast_servers::postgres::Postgres;
use thiserror::Error;
use tokio::sync::Barrier;
use tokio_postgres::{Client, IsolationLevel, NoTls};

/// What can go wrong, in words that name the SQLSTATE.
#[derive(Debug, Error, Classify)]
enum TransferError {
    #[error("{}", in_words(.0))]
    #[classify(transparent)]
    Postgres(#[from] tokio_postgres::Error),
}

fn in_words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{} {}", answer.code().code(), answer.message()),
        None => error.to_string(),
    }
}

/// Moves an amount between two accounts. It locks the first row, then the second; another transfer
/// that goes the other way at the same time locks them the other way round.
///
/// `meet` brings both to the point where each holds one row and wants the other's, once.
#[retry(
    name = "transfer",
    max_attempts = 10,
    base_delay = "20ms",
    budget(tokens_per_second = 100, max_tokens = 100),
    context = attempt,
    on_retry = told
)]
async fn transfer(
    client: &mut Client,
    from: i32,
    to: i32,
    amount: i64,
    meet: Option<&Barrier>,
) -> Result<(), TransferError> {
    const ADD: &str = "UPDATE account SET balance = balance + $1 WHERE id = $2";

    let transaction = client.transaction().await?;
    transaction.execute(ADD, &[&-amount, &from]).await?;
    if let (Some(meet), 1) = (meet, attempt.number()) {
        meet.wait().await;
    }
    transaction.execute(ADD, &[&amount, &to]).await?;
    transaction.commit().await?;
    Ok(())
}

/// Ends a doctor's duty, if another one stays. Two who ask at the same time each see the other: a
/// database that does not serialize them lets both go.
#[retry(
    name = "go off duty",
    max_attempts = 10,
    base_delay = "20ms",
    context = attempt,
    on_retry = told
)]
async fn go_off_duty(
    client: &mut Client,
    doctor: i32,
    meet: &Barrier,
) -> Result<bool, TransferError> {
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::Serializable).start().await?;
    let on_duty: i64 =
        transaction.query_one("SELECT count(*) FROM doctor WHERE on_duty", &[]).await?.get(0);
    if attempt.number() == 1 {
        meet.wait().await;
    }
    let may_go = on_duty > 1;
    if may_go {
        let go = "UPDATE doctor SET on_duty = false WHERE id = $1";
        transaction.execute(go, &[&doctor]).await?;
    }
    transaction.commit().await?;
    Ok(may_go)
}

#[derive(Parser)]
struct Arguments {
    /// A server to use instead of starting one, as `postgres://user:password@host/database`
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let begun = Instant::now();
    let (url, _server) = if let Some(url) = arguments.postgres {
        (url, None)
    } else {
        println!("starting a PostgreSQL of its own …");
        let server = Postgres::start();
        (server.url(), Some(server))
    };
    match tell(&url).await {
        Ok(()) => {
            println!("\nAll is as it should be, after {:.1} s.", begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("\nThis did not go as told: {wrong}");
            ExitCode::FAILURE
        }
    }
}

/// The whole story; an error when something did not happen as told.
async fn tell(url: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let schema = format!("steadfast_deadlock_{}", std::process::id());
    let admin = connected(url, &schema).await?;
    admin
        .batch_execute(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE account (id integer PRIMARY KEY, balance bigint NOT NULL);
             INSERT INTO account SELECT id, 1000 FROM generate_series(1, 3) id;
             CREATE TABLE doctor (id integer PRIMARY KEY, on_duty boolean NOT NULL);
             INSERT INTO doctor VALUES (1, true), (2, true)"
        ))
        .await?;
    let told = story(url, &schema, &admin).await;
    admin.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await?;
    told
}

async fn story(
    url: &str,
    schema: &str,
    admin: &Client,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut one, mut two) = (connected(url, schema).await?, connected(url, schema).await?);

    heading("Two transfers lock the same two rows in opposite order.");
    let meet = Barrier::new(2);
    let (first, second) = tokio::join!(
        account("A: 1 → 2", transfer(&mut one, 1, 2, 100, Some(&meet))),
        account("B: 2 → 1", transfer(&mut two, 2, 1, 30, Some(&meet))),
    );
    let deadlocks = retries(&first) + retries(&second);
    first.0?;
    second.0?;
    check(deadlocks >= 1, "a deadlock was broken by the server")?;
    check(balances(admin).await? == [930, 1070, 1000], "both transfers happened, each once")?;

    heading("Two doctors go off duty at once; one of them has to stay.");
    let meet = Barrier::new(2);
    let (first, second) = tokio::join!(
        account("doctor 1", go_off_duty(&mut one, 1, &meet)),
        account("doctor 2", go_off_duty(&mut two, 2, &meet)),
    );
    let refused = retries(&first) + retries(&second);
    let gone = [first.0?, second.0?];
    check(refused >= 1, "the server refused to serialize them")?;
    check(gone.iter().filter(|gone| **gone).count() == 1, "one has gone")?;
    let left = admin.query_one("SELECT count(*) FROM doctor WHERE on_duty", &[]).await?;
    check(left.get::<_, i64>(0) == 1, "and one is on duty, who saw it at the second attempt")?;

    heading("Six clerks make five transfers each between three accounts, in a ring.");
    let mut clerks = tokio::task::JoinSet::new();
    for clerk in 0..6 {
        let mut client = connected(url, schema).await?;
        clerks.spawn(async move {
            let mut failures = 0;
            for round in 0..5 {
                // Half of them go round the other way.
                let (from, step) = ((clerk + round) % 3, if clerk % 2 == 0 { 1 } else { 2 });
                let to = (from + step) % 3;
                let call = transfer(&mut client, from + 1, to + 1, 1, None);
                let made = reported(call).await;
                failures += retries(&made);
                made.0?;
            }
            Ok::<_, TransferError>(failures)
        });
    }
    let mut healed = 0;
    while let Some(clerk) = clerks.join_next().await {
        healed += clerk??;
    }
    println!("    30 transfers, {healed} deadlocks on the way, none of them seen by a caller");
    let sum: i64 = balances(admin).await?.iter().sum();
    check(sum == 3000, "no money was made or lost")
}

/// A connection that notices a deadlock after 50 ms rather than a second, where it may say so.
async fn connected(url: &str, schema: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = {schema}")).await?;
    // A superuser's setting. Everybody else waits for the server's own second.
    let _ = client.batch_execute("SET deadlock_timeout = '50ms'").await;
    Ok(client)
}

async fn balances(client: &Client) -> Result<Vec<i64>, tokio_postgres::Error> {
    let rows = client.query("SELECT balance FROM account ORDER BY id", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

tokio::task_local! {
    /// Who is calling, for the account; nobody where it would be too long.
    static WHO: &'static str;
}

/// Runs one call and tells how it ended.
async fn account<T>(
    who: &'static str,
    call: impl Future<Output = Result<T, TransferError>>,
) -> (Result<T, TransferError>, Report) {
    let (outcome, report) = WHO.scope(who, reported(call)).await;
    let words = match &outcome {
        Ok(_) => "committed".to_owned(),
        Err(error) => error.to_string(),
    };
    println!("    {who}   attempt {}   {words}", report.attempts);
    (outcome, report)
}

/// The hook of the annotated functions: an attempt failed and will be repeated.
fn told(event: &RetryEvent<'_>) {
    let Ok(who) = WHO.try_with(|who| *who) else { return };
    let error = event.error.map_or_else(String::new, ToString::to_string);
    let delay = event.delay.as_millis();
    println!("    {who}   attempt {}   {error}", event.attempt);
    println!("    {who}             again in {delay} ms");
}

fn retries<T>(told: &(T, Report)) -> usize {
    told.1.failures.len()
}

fn heading(words: &str) {
    println!("\n{words}");
}

fn check(holds: bool, words: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if holds {
        println!("    ✓ {words}");
        return Ok(());
    }
    Err(words.into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use steadfast_servers::postgres::Postgres;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_story_happens_as_it_is_told_and_leaves_nothing_behind() {
        let server = Postgres::start();
        let begun = Instant::now();
        super::tell(&server.url()).await.expect("everything is as told");
        assert!(begun.elapsed() < Duration::from_secs(10));
        let admin = super::connected(&server.url(), "public").await.unwrap();
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'steadfast%'";
        assert_eq!(admin.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    }
}
