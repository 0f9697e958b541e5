//! The story on every store: in memory, in a file, in a real Redis, in a real PostgreSQL. Without the
//! feature of a store there is no test of it.
//!
//! A `main` of its own instead of a harness: the story starts this program again and kills it.

use std::process::ExitCode;

use clap::Parser as _;

use crate::account::Row;
use crate::stores::Place;
use crate::written::exit_code;
use crate::{Arguments, story};

/// Runs the tests whose names contain an argument, all of them where there is none: what a harness
/// makes of `cargo test -- redis`.
macro_rules! tests {
    ($($(#[$cfg:meta])* $test:ident),* $(,)?) => {
        $($(#[$cfg])* if wanted(stringify!($test)) {
            $test().await;
            println!("test {} ... ok", stringify!($test));
        })*
    };
}

pub(crate) async fn run() -> ExitCode {
    if std::env::args().any(|argument| argument == "--till") {
        return exit_code(Arguments::parse().run().await);
    }
    tests![
        what_store_says_is_understood,
        in_memory_every_order_is_charged_once,
        #[cfg(feature = "redb")]
        in_a_file_a_killed_till_is_noticed_when_the_file_is_opened,
        #[cfg(feature = "redis-store")]
        in_redis_a_killed_till_is_noticed_when_its_lease_ends,
        #[cfg(feature = "postgres")]
        in_postgres_a_killed_till_is_noticed_when_its_lease_ends,
    ];
    ExitCode::SUCCESS
}

fn wanted(test: &str) -> bool {
    if std::env::args().any(|argument| argument == "--list") {
        return false;
    }
    // Flags and their numbers are meant for harnesses.
    let no_name = |argument: &String| argument.starts_with('-') || argument.parse::<u32>().is_ok();
    let mut names = std::env::args().skip(1).filter(|argument| !no_name(argument)).peekable();
    names.peek().is_none() || names.any(|name| test.contains(&name))
}

async fn what_store_says_is_understood() {
    let parsed = |text| Place::parse(Some(text));
    assert_eq!(Place::parse(None), Ok(Place::Memory));
    assert_eq!(parsed("redis://h/1"), Ok(Place::Redis("redis://h/1".to_owned())));
    assert_eq!(parsed("postgres://h/shop"), Ok(Place::Postgres("postgres://h/shop".to_owned())));
    assert_eq!(parsed("a.redb"), Ok(Place::File("a.redb".to_owned())));
    for wrong in ["memory", "http://h/", "answers.db", ""] {
        assert!(parsed(wrong).unwrap_err().contains("--store is"), "{wrong}");
    }
    assert_eq!(parsed("redis://u:secret@h/").unwrap().to_string(), "in Redis");
}

/// Calls, requests and charges of each order.
async fn told(place: Place) -> Vec<[u64; 3]> {
    let rows = story::tell(&place).await.unwrap_or_else(|deviation| panic!("{deviation}"));
    rows.iter().map(|Row { calls, requests, charges, .. }| [*calls, *requests, *charges]).collect()
}

const IN_ONE_PROCESS: [[u64; 3]; 3] = [[2, 3, 1], [8, 2, 1], [4, 1, 1]];
#[cfg(any(feature = "redb", feature = "redis-store", feature = "postgres"))]
const KILLED: [[u64; 3]; 2] = [[3, 1, 1], [2, 1, 1]];

async fn in_memory_every_order_is_charged_once() {
    assert_eq!(told(Place::Memory).await, IN_ONE_PROCESS);
}

#[cfg(feature = "redb")]
async fn in_a_file_a_killed_till_is_noticed_when_the_file_is_opened() {
    let folder = std::env::temp_dir().join(format!("steadfast-checkout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("answers.redb");
    let told = told(Place::File(path.display().to_string())).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(told, [&IN_ONE_PROCESS[..], &KILLED].concat());
}

#[cfg(feature = "redis-store")]
async fn in_redis_a_killed_till_is_noticed_when_its_lease_ends() {
    let server = steadfast_servers::redis::Redis::start();
    let told = told(Place::Redis(server.url())).await;
    assert_eq!(told, [&IN_ONE_PROCESS[..], &KILLED].concat());
}

#[cfg(feature = "postgres")]
async fn in_postgres_a_killed_till_is_noticed_when_its_lease_ends() {
    let server = steadfast_servers::postgres::Postgres::start();
    let told = told(Place::Postgres(server.url())).await;
    assert_eq!(told, [&IN_ONE_PROCESS[..], &KILLED].concat());
}
