//! A Redis of the tests' own.
//!
//! The server is a child of a small shell that waits on its standard input: when the test process
//! ends, however it ends, the shell reads the end of the pipe, kills the server and removes its
//! directory. So neither a panic nor `kill -9` leaves a server behind.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{env, process, thread};

/// How long a server may take to answer before the test is failed.
const READY: Duration = Duration::from_secs(20);

/// Below the range that outgoing connections take their ports from, so that a server can come back
/// on its own.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Starts the server, says its pid, and ends it when told so or when nobody is left to tell. After
/// `keep` the directory stays.
const WATCH: &str = r#"
    trap '' INT TERM HUP
    dir=$1
    shift
    "$@" >"$dir/out" 2>&1 </dev/null &
    pid=$!
    echo "$pid"
    read -r word
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ "$word" = keep ] || rm -rf -- "$dir"
"#;

/// A running `redis-server`, ended when this is dropped.
///
/// It listens on a free port of loopback, keeps its files in a directory of its own, and stores
/// nothing on disk unless asked to.
///
/// ```no_run
/// let mut server = steadfast_servers::redis::Redis::start();
/// assert_eq!(server.command(&["PING"]).unwrap(), "PONG");
/// server.stop(); // it no longer answers
/// server.cont();
/// server.kill();
/// server.restart();
/// ```
#[derive(Debug)]
pub struct Redis {
    options: Vec<(String, String)>,
    dir: PathBuf,
    port: u16,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    shell: Child,
    pid: u32,
}

impl Redis {
    /// A server that keeps nothing on disk.
    ///
    /// # Panics
    ///
    /// With the words to mend it, when there is no `redis-server` and none can be installed.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server that writes every command to its log before it answers, and so survives a kill.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn durable() -> Self {
        Self::with(&[("appendonly", "yes"), ("appendfsync", "always")])
    }

    /// A server with options of `redis.conf`; they outrank those of [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn with(options: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);

        let program = program();
        let options: Vec<_> =
            options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        // Another process of the tests may take a port between the look and the start.
        for _ in 0..50 {
            let number = COUNT.fetch_add(1, Relaxed);
            let dir = env::temp_dir().join(format!("steadfast-redis-{}-{number}", process::id()));
            let mut server =
                Self { options: options.clone(), dir, port: free_port(number), running: None };
            fs::create_dir_all(&server.dir).expect("a directory for the server");
            server.running = Some(server.spawn(&program));
            if server.wait() {
                return server;
            }
        }
        panic!("no port for redis-server in {PORTS:?} after 50 attempts");
    }

    /// The process of the server.
    ///
    /// # Panics
    ///
    /// When it is killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").pid
    }

    /// Its port on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where clients find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Stops the process, as a machine does that hangs: its kernel still accepts connections.
    ///
    /// # Panics
    ///
    /// When it cannot be stopped.
    pub fn stop(&self) {
        signal("STOP", self.pid());
        // The signal has arrived when every thread has stopped, not when it was sent.
        let status = format!("/proc/{}/stat", self.pid());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(2) {
            match fs::read_to_string(&status) {
                Ok(line) if line.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")) => {
                    return;
                }
                Ok(_) => thread::sleep(Duration::from_millis(1)),
                // No such file on this system.
                Err(_) => return thread::sleep(Duration::from_millis(50)),
            }
        }
        panic!("redis-server did not stop");
    }

    /// Lets it go on after [`stop`](Self::stop).
    ///
    /// # Panics
    ///
    /// When it is killed.
    pub fn cont(&self) {
        signal("CONT", self.pid());
    }

    /// Kills it (SIGKILL). Its files stay for [`restart`](Self::restart).
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.end(b"keep\n");
        }
    }

    /// Starts it again on its port, with what it had on disk, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When the port was taken meanwhile.
    pub fn restart(&mut self) {
        self.restart_without_waiting();
        assert!(self.wait(), "port {} was taken while the server was down", self.port);
    }

    /// The same without waiting: it may still be loading.
    pub fn restart_without_waiting(&mut self) {
        self.kill();
        self.running = Some(self.spawn(&program()));
    }

    /// Sends one command over a connection of its own and gives the answer as text, the elements of
    /// an array line by line.
    ///
    /// # Errors
    ///
    /// The server's own, as `other`; those of the connection.
    pub fn command(&self, words: &[&str]) -> io::Result<String> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.command_bytes(&words)
    }

    /// The same with words that are no text.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub fn command_bytes(&self, words: &[&[u8]]) -> io::Result<String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            write!(request, "${}\r\n", word.len())?;
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        (&stream).write_all(&request)?;
        reply(&mut BufReader::new(stream))
    }

    /// A number of `INFO`, or text: `info("process_id")`.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub fn info(&self, field: &str) -> io::Result<Option<String>> {
        let text = self.command(&["INFO"])?;
        let value = |line: &str| {
            line.strip_prefix(field)?.strip_prefix(':').map(|value| value.trim_end().to_owned())
        };
        Ok(text.lines().find_map(value))
    }

    fn spawn(&self, program: &Path) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "steadfast-redis"]).arg(&self.dir).arg(program);
        let own = [
            ("bind", "127.0.0.1"),
            ("port", &self.port.to_string()),
            ("dir", &self.dir.to_string_lossy()),
            ("daemonize", "no"),
            ("save", ""),
            ("appendonly", "no"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (name, value) in own.iter().chain(&self.options) {
            command.arg(format!("--{name}")).arg(value);
        }
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`sh` to start the server with");
        let mut line = String::new();
        let mut stdout = BufReader::new(shell.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("the pid of the server");
        let pid = line.trim().parse().expect("the pid of the server");
        Running { shell, pid }
    }

    /// Whether it answers; not, when it ended because its port was taken.
    fn wait(&self) -> bool {
        let pid = self.pid().to_string();
        let begun = Instant::now();
        while begun.elapsed() < READY {
            // A server with a password refuses, and is there.
            let ready = match self.info("process_id") {
                Ok(found) if found.as_deref() == Some(&pid) => {
                    self.info("loading").is_ok_and(|loading| loading.as_deref() == Some("0"))
                }
                // Another server has the port.
                Ok(_) => return false,
                Err(error) => error.to_string().starts_with("NOAUTH"),
            };
            if ready {
                return true;
            }
            let out = fs::read_to_string(self.dir.join("out")).unwrap_or_default();
            if out.contains("Address already in use") {
                return false;
            }
            assert!(!out.contains("FATAL CONFIG"), "redis-server does not start:\n{out}");
            thread::sleep(Duration::from_millis(5));
        }
        let out = fs::read_to_string(self.dir.join("out")).unwrap_or_default();
        panic!("redis-server does not answer after {READY:?}:\n{out}");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        match self.running.take() {
            Some(running) => running.end(b""),
            None => drop(fs::remove_dir_all(&self.dir)),
        }
    }
}

impl Running {
    /// Has the shell end the server, and waits until both are gone.
    fn end(mut self, word: &[u8]) {
        if let Some(mut stdin) = self.shell.stdin.take() {
            // A shell that is gone has ended the server already.
            let _ = stdin.write_all(word);
        }
        let _ = self.shell.wait();
    }
}

/// `kill` is built into every shell; a program of this name is not everywhere.
fn signal(name: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.is_ok_and(|status| status.success()), "SIG{name} to {pid}");
}

/// A port that nobody listens on now. Each process of the tests begins elsewhere.
fn free_port(number: u32) -> u16 {
    let span = u32::from(PORTS.end - PORTS.start);
    (0..span)
        .map(|step| process::id().wrapping_mul(7919).wrapping_add(number).wrapping_add(step) % span)
        .filter_map(|offset| u16::try_from(offset).ok())
        .map(|offset| PORTS.start + offset)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

/// Reads one answer of the protocol.
fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.trim_end();
    let length = || line[1..].parse::<i64>().map_err(io::Error::other);
    match line.chars().next() {
        Some('+' | ':') => Ok(line[1..].to_owned()),
        Some('-') => Err(io::Error::other(line[1..].to_owned())),
        Some('$') => {
            let Ok(length) = usize::try_from(length()?) else { return Ok("(nil)".to_owned()) };
            let mut bytes = vec![0; length + 2];
            stream.read_exact(&mut bytes)?;
            bytes.truncate(length);
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        Some('*') => {
            let elements: io::Result<Vec<_>> = (0..length()?).map(|_| reply(stream)).collect();
            Ok(elements?.join("\n"))
        }
        Some(_) => Err(io::Error::other(format!("not an answer: {line}"))),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// `redis-server` or Valkey's, installed from Debian's packages when there is none.
fn program() -> PathBuf {
    if let Some(found) = on_path() {
        return found;
    }
    // One process installs; the others wait for it and then find it.
    let lock = File::create(env::temp_dir().join("steadfast-install.lock"))
        .and_then(|file| file.lock().map(|()| file))
        .expect("a lock file in the temporary directory");
    let found = on_path().or_else(|| {
        let install = "[ \"$(id -u)\" = 0 ] && export DEBIAN_FRONTEND=noninteractive && \
             apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server";
        let status = Command::new("sh")
            .args(["-c", install])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        status.ok().filter(process::ExitStatus::success).and_then(|_| on_path())
    });
    drop(lock);
    found.expect(
        "these tests need a `redis-server` (or `valkey-server`) on PATH, 6.2 or newer: \
         `apt-get install redis-server`, `brew install redis`, or set STEADFAST_REDIS to its path",
    )
}

fn on_path() -> Option<PathBuf> {
    if let Some(path) = env::var_os("STEADFAST_REDIS") {
        return Some(path.into());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|dir| ["redis-server", "valkey-server"].map(|name| dir.join(name)))
        .find(|file| file.is_file())
}
