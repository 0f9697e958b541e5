//! A PostgreSQL of the tests' own: a fresh cluster in a directory of its own, on a free port of
//! loopback and a socket in that directory, run by a user who is not root.
//!
//! The server is a child of a small shell that waits for the end of its input. So it ends with the
//! guard, and also when the process of the tests is killed and no destructor runs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The oldest version that the tests are written for.
const OLDEST: u32 = 15;

/// How long a server may take to answer or to end before that is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the server `$1` with the arguments behind it and ends it when its own input ends. `$0` is
/// the directory of the cluster, which it removes. The first line of output is the pid.
const WRAPPER: &str = r#"
"$@" </dev/null >>"$0/log" 2>&1 &
pid=$!
echo $pid
if read -r ended; then
    # The guard has ended the server and removes the directory. What is left is to set the pid free,
    # which a server that starts again looks at.
    wait $pid
    exit
fi
for one in $pid $(cat /proc/$pid/task/$pid/children 2>/dev/null); do
    kill -KILL $one 2>/dev/null
done
wait $pid
rm -rf "$0"
"#;

/// A running server. Dropping it ends the server and removes its directory.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    user: Option<(u32, u32)>,
    dir: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Option<Running>,
}

/// The shell and the server below it.
#[derive(Debug)]
struct Running {
    shell: Child,
    pid: u32,
}

impl Postgres {
    /// Starts a server with the settings of a small machine; everything that durability hangs on
    /// stays as it is by default.
    ///
    /// # Panics
    ///
    /// When there is no PostgreSQL and none can be installed, or it does not start: with words.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings of its own: `&[("max_connections", "5")]`.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let bin = found_or_installed();
        let dir = fresh_dir();
        let user = other_than_root(&dir);
        if let Some((uid, gid)) = user {
            chown(&dir, Some(uid), Some(gid)).expect("the directory can be given away");
        }
        let mut server = Self {
            bin,
            user,
            dir,
            port: 0,
            settings: settings.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            running: None,
        };
        server.init();
        // Between finding a free port and listening on it another process may take it.
        for _ in 0..5 {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("PostgreSQL found no free port, or does not start:\n{}", server.log());
    }

    /// Where it listens, as a URL of its superuser: `postgres://postgres@127.0.0.1:5433/postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The directory of its socket, to be given as the host.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.dir
    }

    /// The port on loopback; also part of the socket's name.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process that all others of the server descend from.
    ///
    /// # Panics
    ///
    /// When the server was killed and not restarted.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").pid
    }

    /// Stops the server and its children as they stand, with SIGSTOP: connections stay open, and
    /// nobody answers.
    ///
    /// # Panics
    ///
    /// When the server was killed and not restarted.
    pub fn stop(&self) {
        // The one that makes children first, so that none is missed.
        signal("STOP", &[self.pid()]);
        signal("STOP", &children(self.pid()));
    }

    /// Lets a stopped server go on.
    ///
    /// # Panics
    ///
    /// When the server was killed and not restarted.
    pub fn cont(&self) {
        signal("CONT", &children(self.pid()));
        signal("CONT", &[self.pid()]);
    }

    /// Ends the server and its children with SIGKILL, as a machine that loses power does for
    /// everything that was not synced. Returns when the last one is gone.
    ///
    /// # Panics
    ///
    /// When a process outlives it.
    pub fn kill(&mut self) {
        let Some(Running { mut shell, pid }) = self.running.take() else { return };
        signal("STOP", &[pid]);
        let mut all = children(pid);
        all.push(pid);
        signal("KILL", &all);
        if let Some(input) = shell.stdin.take() {
            // A shell that is gone cannot be told, and need not be.
            let _ = std::io::Write::write_all(&mut { input }, b"ended\n");
        }
        let _ = shell.wait();
        let begun = Instant::now();
        while all.iter().any(|pid| alive(*pid)) {
            assert!(begun.elapsed() < PATIENCE, "a process of the server outlives SIGKILL");
            sleep(Duration::from_millis(5));
        }
    }

    /// Starts the server again on its port and with its data, killing it first when it still runs.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&mut self) {
        self.kill();
        assert!(self.launch(), "PostgreSQL does not start again:\n{}", self.log());
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn init(&self) {
        let mut command = self.command(self.bin.join("initdb"));
        // Trust is for whoever reaches loopback of this machine while the test runs.
        command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        command.args(["--no-sync", "--no-instructions", "-D"]).arg(self.data());
        let output = command.stdin(Stdio::null()).output().expect("initdb runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "initdb failed:\n{said}");
    }

    /// Whether the server answers; not when its port was taken by somebody else.
    fn launch(&mut self) -> bool {
        let mut command = self.command("/bin/sh");
        command.arg("-c").arg(WRAPPER).arg(&self.dir);
        command.arg(self.bin.join("postgres")).arg("-D").arg(self.data());
        command.arg("-p").arg(self.port.to_string()).arg("-k").arg(&self.dir);
        for setting in ["listen_addresses=127.0.0.1", "max_connections=40", "shared_buffers=16MB"]
            .into_iter()
            .chain(self.settings.iter().map(String::as_str))
        {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().expect("a shell runs");
        let mut pid = String::new();
        let output = shell.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut pid).expect("it says the pid");
        let pid: u32 = pid.trim().parse().expect("the pid is a number");
        self.running = Some(Running { shell, pid });

        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.is_ready(pid) {
                return true;
            }
            if !alive(pid) {
                self.kill();
                return false;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("PostgreSQL does not get ready:\n{}", self.log());
    }

    /// The server writes its state to the eighth line of its pid file; the first one tells it from
    /// the file of a server that was killed.
    fn is_ready(&self, pid: u32) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines();
        lines.next().is_some_and(|first| first.trim() == pid.to_string())
            && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir).env_remove("LC_ALL").env("LC_MESSAGES", "C");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The folder with the programs of the newest server on this machine.
fn found_or_installed() -> PathBuf {
    // Two test binaries that both miss the server must not both install it.
    let lock = File::create(std::env::temp_dir().join("steadfast-postgres.lock"));
    let _held = lock.map(|lock| lock.lock().map(|()| lock));
    if let Some(found) = newest() {
        return found;
    }
    let advice = format!(
        "these tests need PostgreSQL {OLDEST} or newer: install it (Debian: `apt-get install \
         postgresql`), or put its programs on the PATH"
    );
    assert!(is_root(), "{advice}");
    for arguments in [&["update"][..], &["install", "--no-install-recommends", "-y", "postgresql"]]
    {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        // `update` may fail for one of many sources; what counts is what `install` finds.
        let done = status.is_ok_and(|status| status.success());
        assert!(done || arguments == ["update"], "apt-get install postgresql failed; {advice}");
    }
    newest().unwrap_or_else(|| panic!("Debian's PostgreSQL is too old; {advice}"))
}

fn newest() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    packaged
        .map(|version| version.path().join("bin"))
        .chain(std::env::split_paths(&path))
        .filter(|bin| bin.join("initdb").exists())
        .filter_map(|bin| Some((version(&bin)?, bin)))
        .filter(|(version, _)| *version >= OLDEST)
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
}

/// `15` of `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn version(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn fresh_dir() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let name =
            format!("steadfast-postgres-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let dir = std::env::temp_dir().join(name);
        match fs::create_dir(&dir) {
            Ok(()) => return dir,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => panic!("{} cannot be made: {error}", dir.display()),
        }
    }
}

fn is_root() -> bool {
    // Whoever owns the entries of a process is who runs it; without /proc, ask.
    fs::metadata("/proc/self").map_or_else(
        |_| Command::new("id").arg("-u").output().is_ok_and(|said| said.stdout == b"0\n"),
        |own| own.uid() == 0,
    )
}

/// PostgreSQL refuses root. Its own user is made by Debian's package; any other one will do.
fn other_than_root(dir: &Path) -> Option<(u32, u32)> {
    if fs::metadata(dir).expect("the directory is there").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users are listed");
    let ids = |name: &str| {
        let user = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = user.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ids("postgres").or_else(|| ids("nobody"));
    Some(
        found
            .expect("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`"),
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    // The shell's own `kill`: the program of that name is not on every machine. A process that has
    // ended meanwhile is no failure.
    let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
    let command = format!("kill -{name} {}", pids.join(" "));
    let _ = Command::new("/bin/sh").args(["-c", &command]).stderr(Stdio::null()).status();
}

/// Every backend and worker is a direct child of the first process.
fn children(pid: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
        let text = listed.map(|listed| listed.stdout).unwrap_or_default();
        return String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().map(str::parse);
                Some((words.next()?.ok()?, words.next()?.ok()?))
            })
            .filter_map(|(child, parent): (u32, u32)| (parent == pid).then_some(child))
            .collect();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| stat(*process).is_some_and(|(_, parent)| parent == pid))
        .collect()
}

/// Whether a process still does anything; one that only waits to be reaped does not.
fn alive(pid: u32) -> bool {
    if Path::new("/proc/self").exists() {
        return stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X');
    }
    let command = format!("kill -0 {pid}");
    Command::new("/bin/sh")
        .args(["-c", &command])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// State and parent of a process. Its name comes before them and may hold anything, brackets too.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
