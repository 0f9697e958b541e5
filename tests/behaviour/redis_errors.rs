//! What a real Redis answers when it cannot serve, and what is made of it.

use std::time::{Duration, Instant};

use redis::{Client, Connection, RedisError, Value, cmd};
use steadfast::{Classify as _, retry};
use steadfast_servers::redis::Redis;

fn connect(server: &Redis) -> Connection {
    Client::open(server.url()).unwrap().get_connection().unwrap()
}

fn run(connection: &mut Connection, words: &[&str]) -> Result<Value, RedisError> {
    let mut command = cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query(connection)
}

fn ok(connection: &mut Connection, words: &[&str]) -> Value {
    run(connection, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// Sends a command that fails with the word `code`; whether it is worth a retry, and surely unsent.
fn refused(connection: &mut Connection, code: &str, words: &[&str]) -> (bool, bool) {
    let error = run(connection, words).unwrap_err();
    assert_eq!(error.code(), Some(code), "{words:?}: {error:?}");
    let class = error.classify();
    (class.is_retryable(), class.is_unsent())
}

const TRANSIENT: (bool, bool) = (true, false);
const PERMANENT: (bool, bool) = (false, false);

/// Waits for the server, which is another process, to see something.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn mistakes_of_the_caller_are_permanent() {
    let server = Redis::start();
    let mut to = connect(&server);
    ok(&mut to, &["SET", "text", "x"]);
    assert_eq!(refused(&mut to, "WRONGTYPE", &["LPUSH", "text", "1"]), PERMANENT);
    assert_eq!(refused(&mut to, "ERR", &["NO-SUCH-COMMAND"]), PERMANENT);
    assert_eq!(refused(&mut to, "ERR", &["INCR", "text"]), PERMANENT);
    let sha = "0".repeat(40);
    assert_eq!(refused(&mut to, "NOSCRIPT", &["EVALSHA", &sha, "0"]), PERMANENT);
    ok(&mut to, &["ACL", "SETUSER", "reader", "on", "nopass", "+@read", "~*"]);
    ok(&mut to, &["AUTH", "reader", ""]);
    assert_eq!(refused(&mut to, "NOPERM", &["SET", "text", "y"]), PERMANENT);
}

#[test]
fn a_password_that_is_missing_or_wrong_is_permanent() {
    let server = Redis::start();
    let mut to = connect(&server);
    let mut other = connect(&server);
    ok(&mut to, &["CONFIG", "SET", "requirepass", "secret"]);
    drop(other);
    other = connect(&server);
    assert_eq!(refused(&mut other, "NOAUTH", &["GET", "key"]), PERMANENT);
    assert_eq!(refused(&mut other, "WRONGPASS", &["AUTH", "guess"]), PERMANENT);
}

#[test]
fn a_server_without_memory_is_permanent_until_somebody_acts() {
    let server = Redis::start();
    let mut to = connect(&server);
    ok(&mut to, &["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(refused(&mut to, "OOM", &["SET", "key", "x"]), PERMANENT);
}

#[test]
fn a_script_that_blocks_the_server_is_transient() {
    let server = Redis::start();
    let (mut blocked, mut to) = (connect(&server), connect(&server));
    ok(&mut to, &["CONFIG", "SET", "busy-reply-threshold", "1"]);
    let script = std::thread::spawn(move || run(&mut blocked, &["EVAL", "while true do end", "0"]));
    // Commands before the script begins are served; those in its first millisecond have to wait.
    let mut class = None;
    until("the script never blocked", || match run(&mut to, &["GET", "key"]) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.code(), Some("BUSY"));
            class = Some(error.classify());
            true
        }
    });
    assert!(class.unwrap().is_retryable() && !class.unwrap().is_unsent());
    ok(&mut to, &["SCRIPT", "KILL"]);
    script.join().unwrap().unwrap_err();
}

#[test]
fn a_write_that_too_few_replicas_would_see_is_transient() {
    let server = Redis::start();
    let mut to = connect(&server);
    ok(&mut to, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    assert_eq!(refused(&mut to, "NOREPLICAS", &["SET", "key", "x"]), TRANSIENT);
}

#[test]
fn a_master_that_has_become_a_replica_is_transient() {
    let (server, gone) = (Redis::start(), Redis::start());
    let (host, port) = address(&gone);
    let mut to = connect(&server);
    ok(&mut to, &["REPLICAOF", &host, &port]);
    assert_eq!(refused(&mut to, "READONLY", &["SET", "key", "x"]), TRANSIENT);
    drop(gone);
    ok(&mut to, &["CONFIG", "SET", "replica-serve-stale-data", "no"]);
    until("the link is never seen to be down", || {
        run(&mut to, &["GET", "key"]).is_err_and(|error| error.code() == Some("MASTERDOWN"))
    });
    assert_eq!(refused(&mut to, "MASTERDOWN", &["GET", "key"]), TRANSIENT);
}

fn address(server: &Redis) -> (String, String) {
    let url = server.url();
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let (host, port) = address.rsplit_once(':').unwrap();
    (host.to_owned(), port.to_owned())
}

#[test]
fn a_cluster_that_moves_is_transient() {
    let options = [("cluster-enabled", "yes"), ("cluster-require-full-coverage", "no")];
    let (one, two) = (Redis::with(&options), Redis::with(&options));
    let (mut to, mut other) = (connect(&one), connect(&two));
    // No slot has an owner yet.
    assert_eq!(refused(&mut to, "CLUSTERDOWN", &["GET", "{a}1"]), TRANSIENT);

    let (host, port) = address(&two);
    ok(&mut to, &["CLUSTER", "MEET", &host, &port]);
    ok(&mut to, &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    ok(&mut other, &["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    // `{a}` is in slot 15495, `{b}` in 3300.
    until("the nodes never meet", || {
        run(&mut to, &["GET", "{a}1"]).is_err_and(|error| error.code() == Some("MOVED"))
            && run(&mut other, &["GET", "{b}1"]).is_err_and(|error| error.code() == Some("MOVED"))
    });
    assert_eq!(refused(&mut to, "MOVED", &["GET", "{a}1"]), TRANSIENT);
    assert_eq!(refused(&mut to, "CROSSSLOT", &["MGET", "{a}1", "{b}1"]), PERMANENT);

    let Value::BulkString(id) = ok(&mut other, &["CLUSTER", "MYID"]) else { panic!("no id") };
    let id = String::from_utf8(id).unwrap();
    ok(&mut to, &["SET", "{b}1", "x"]);
    ok(&mut to, &["CLUSTER", "SETSLOT", "3300", "MIGRATING", &id]);
    assert_eq!(refused(&mut to, "ASK", &["GET", "{b}2"]), TRANSIENT);
    assert_eq!(refused(&mut to, "TRYAGAIN", &["MGET", "{b}1", "{b}2"]), TRANSIENT);
}

#[test]
fn a_server_that_is_gone_and_loads_on_its_return_is_waited_for() {
    #[retry(max_attempts = 200, base_delay = "20ms", backoff = "constant", budget = none)]
    fn get(server: &Redis, seen: &std::cell::RefCell<Vec<String>>) -> redis::RedisResult<String> {
        let client = Client::open(server.url())?;
        let answer =
            client.get_connection().and_then(|mut to| cmd("GET").arg("key:7").query(&mut to));
        if let Err(error) = &answer {
            let word = if error.classify().is_unsent() { "unsent" } else { "other" };
            seen.borrow_mut().push(error.code().unwrap_or(word).to_owned());
        }
        answer
    }
    // Loads its log as slowly as a large one.
    let mut server = Redis::with(&[
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("aof-use-rdb-preamble", "no"),
        ("key-load-delay", "200"),
    ]);
    let mut to = connect(&server);
    let fill = "for i = 1, 4000 do redis.call('SET', 'key:' .. i, i) end";
    ok(&mut to, &["EVAL", fill, "0"]);
    server.kill();
    let gone = connect_error(&server);
    assert!(gone.classify().is_unsent(), "{gone:?}");
    server.restart_without_waiting();
    let seen = std::cell::RefCell::default();
    assert_eq!(get(&server, &seen).unwrap(), "7");
    let seen = seen.into_inner();
    assert!(seen.iter().any(|word| word == "LOADING"), "{seen:?}");
    assert!(seen.iter().all(|word| word == "LOADING" || word == "unsent"), "{seen:?}");
}

fn connect_error(server: &Redis) -> RedisError {
    match Client::open(server.url()).unwrap().get_connection() {
        Ok(_) => panic!("the server is there"),
        Err(error) => error,
    }
}
