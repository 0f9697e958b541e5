use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Redis;

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_dropped_server_leaves_neither_process_nor_files() {
    let server = Redis::start();
    assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
    let (pid, dir) = (server.pid(), server.dir.clone());
    assert!(runs(pid) && dir.exists());
    drop(server);
    assert!(!runs(pid) && !dir.exists());
}

#[test]
fn a_panic_ends_the_server_also_when_it_is_stopped() {
    let (sender, pids) = std::sync::mpsc::channel();
    let panicked = std::thread::spawn(move || {
        let server = Redis::start();
        server.stop();
        sender.send(server.pid()).unwrap();
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err());
    assert!(!runs(pids.recv().unwrap()));
}

#[test]
fn a_server_ends_with_a_test_process_that_is_killed() {
    const CHILD: &str = "STEADFAST_SERVERS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let server = Redis::start();
        server.stop();
        println!("pid={} dir={}", server.pid(), server.dir.display());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "redis::tests::a_server_ends_with_a_test_process_that_is_killed"])
        .arg("--nocapture")
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("pid="))
        .expect("a server in the child");
    let words = line.split_once("pid=").unwrap().1;
    let (pid, dir) = words.split_once(" dir=").unwrap();
    assert!(runs(pid.parse().unwrap()));
    child.kill().unwrap();
    child.wait().unwrap();

    let begun = Instant::now();
    while runs(pid.parse().unwrap()) || Path::new(dir).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{line} is left behind");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_durable_server_comes_back_on_its_port_with_its_data() {
    let mut server = Redis::durable();
    server.command(&["SET", "key", "value"]).unwrap();
    let (pid, port) = (server.pid(), server.port());
    server.kill();
    assert!(!runs(pid));
    assert!(server.command(&["PING"]).is_err());
    server.restart();
    assert_eq!(server.port(), port);
    assert_eq!(server.command(&["GET", "key"]).unwrap(), "value");
}

#[test]
fn a_server_that_keeps_nothing_comes_back_empty() {
    let mut server = Redis::start();
    server.command(&["SET", "key", "value"]).unwrap();
    server.kill();
    server.restart();
    assert_eq!(server.command(&["GET", "key"]).unwrap(), "(nil)");
}

#[test]
fn servers_beside_each_other_do_not_share_a_port() {
    let servers: Vec<_> = (0..4).map(|_| std::thread::spawn(Redis::start)).collect();
    let mut ports: Vec<_> =
        servers.into_iter().map(|server| server.join().unwrap()).map(|s| s.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 4);
}
