//! `cargo run --example propagate`: retries and deadlines across real processes.
//!
//! A client calls an outer service, that an inner one, that a backend which always fails. Each of
//! the three makes up to three attempts. The services are processes of their own (this program,
//! started again); the backend is here, and counts.
//!
//! Left alone, attempts multiply on the way down, against a backend that is failing already. Where
//! the attempt and the deadline go along in the headers, they do not.

use std::future::IntoFuture as _;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use axum::{Extension, Router};
use reqwest::Client;
use steadfast::propagate::{self, Incoming, PropagateLayer, Trust};
use steadfast::{AttemptTimeout, Classify, http, retry};
use thiserror::Error;

#[derive(Debug, Error, Classify)]
enum Failure {
    #[error(transparent)]
    #[classify(transparent)]
    Network(#[from] reqwest::Error),
    #[error(transparent)]
    #[classify(transparent)]
    Status(#[from] http::StatusError),
    #[error("no answer in time")]
    #[retryable(kind = timeout)]
    TimedOut(#[from] AttemptTimeout),
}

/// One request. `carry` is what this example is about.
async fn get_once(client: &Client, url: &str, carry: bool) -> Result<String, Failure> {
    let headers = if carry { propagate::headers() } else { HeaderMap::new() };
    let answer = client.get(url).headers(headers).send().await?;
    Ok(http::check(answer)?.text().await?)
}

// Without a budget, to see what attempts alone do. The default one would end this sooner.
#[retry(max_attempts = 3, base_delay = "5ms", budget = none)]
async fn ask(client: &Client, url: &str, carry: bool) -> Result<String, Failure> {
    get_once(client, url, carry).await
}

#[retry(max_attempts = 3, base_delay = "5ms", deadline = "5s")]
async fn ask_within_five_seconds(
    client: &Client,
    url: &str,
    carry: bool,
) -> Result<String, Failure> {
    get_once(client, url, carry).await
}

/// A service between others: it asks the next one, and says what came of it.
struct Service {
    client: Client,
    /// Where the next one is; nothing in the backend.
    next: Option<String>,
    received: [AtomicU32; 2],
}

const WITH: &str = "with";
const WITHOUT: &str = "without";

/// Requests that failed below, or in the backend itself.
async fn work(State(service): State<Arc<Service>>, uri: Uri) -> Result<String, StatusCode> {
    let carry = uri.path().ends_with(WITH);
    service.received[usize::from(carry)].fetch_add(1, Relaxed);
    match &service.next {
        Some(next) => ask(&service.client, &format!("{next}{}", uri.path()), carry)
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE),
        None => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The time that is left where the request arrives, here and further down.
async fn time_left(
    State(service): State<Arc<Service>>,
    incoming: Option<Extension<Incoming>>,
    uri: Uri,
) -> Result<String, StatusCode> {
    let left = match incoming.and_then(|Extension(incoming)| incoming.remaining()) {
        Some(left) => format!("{} ms", left.as_millis()),
        None => "no limit".to_owned(),
    };
    let Some(next) = &service.next else { return Ok(left) };
    // The work that this service does itself.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let carry = uri.path().ends_with(WITH);
    match ask(&service.client, &format!("{next}{}", uri.path()), carry).await {
        Ok(further) => Ok(format!("{left}, {further}")),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// How many requests have arrived, with and without headers.
async fn received(State(service): State<Arc<Service>>) -> String {
    let [without, with] = &service.received;
    format!("{} {}", without.load(Relaxed), with.load(Relaxed))
}

/// Whose headers a service reads: those of its own machine.
fn neighbours() -> Trust {
    Trust::when(|origin| {
        let peer = origin.extension::<ConnectInfo<SocketAddr>>();
        peer.is_some_and(|ConnectInfo(address)| address.ip().is_loopback())
    })
}

/// Starts a service on a free port.
async fn serve(next: Option<String>) -> io::Result<String> {
    let service = Arc::new(Service { client: Client::new(), next, received: Default::default() });
    let trusting = Router::new()
        .route("/job/with", get(work))
        .route("/time/with", get(time_left))
        .layer(PropagateLayer::new(neighbours()));
    let router = Router::new()
        .route("/job/without", get(work))
        .route("/time/without", get(time_left))
        .route("/received", get(received))
        .merge(trusting)
        .with_state(service);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok(url)
}

/// A service in a process of its own, which ends with this value.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(next: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["service", next])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        Ok(Self { child, url: url.trim_end().to_owned() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What such a process does.
async fn be_a_service(next: String) -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", serve(Some(next)).await?);
    // The starter holds the other end. When it is gone, however it went, this process goes, too.
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

async fn tell() -> Result<bool, Box<dyn std::error::Error>> {
    let client = Client::new();
    let backend = serve(None).await?;
    let inner = Process::start(&backend)?;
    let outer = Process::start(&inner.url)?;
    println!("client > outer service > inner service > backend, which always fails");
    println!("three attempts each; requests that arrive:\n");
    println!("{:24}{:>8}{:>8}{:>8}", "", "outer", "inner", "backend");
    for (carry, way) in [(false, WITHOUT), (true, WITH)] {
        let answer = ask(&client, &format!("{}/job/{way}", outer.url), carry).await;
        if answer.is_ok() {
            return Ok(false);
        }
    }
    let mut rows = [[0_u32; 3]; 2];
    for (column, url) in [&outer.url, &inner.url, &backend].into_iter().enumerate() {
        let counts = get_once(&client, &format!("{url}/received"), false).await?;
        for (row, count) in rows.iter_mut().zip(counts.split(' ')) {
            row[column] = count.parse()?;
        }
    }
    for (way, [outer, inner, backend]) in [WITHOUT, WITH].into_iter().zip(rows) {
        println!("{:24}{outer:>8}{inner:>8}{backend:>8}", format!("{way} propagation"));
    }

    println!(
        "\nthe client has five seconds, each service works for 150 ms; time left on arrival:\n"
    );
    println!("{:24}outer, inner, backend", "");
    let mut times = Vec::new();
    for (carry, way) in [(false, WITHOUT), (true, WITH)] {
        let url = format!("{}/time/{way}", outer.url);
        let left = ask_within_five_seconds(&client, &url, carry).await?;
        println!("{:24}{left}", format!("{way} propagation"));
        times.push(left);
    }

    let expected = rows == [[3, 9, 27], [3, 5, 7]]
        && times[0] == "no limit, no limit, no limit"
        && shortened(&times[1], Duration::from_secs(5), Duration::from_millis(150));
    Ok(expected)
}

/// Whether every hop took at least `step` from the time left.
fn shortened(times: &str, whole: Duration, step: Duration) -> bool {
    let times: Option<Vec<u128>> =
        times.split(", ").map(|time| time.strip_suffix(" ms")?.parse().ok()).collect();
    let Some(times) = times else { return false };
    times.len() == 3
        && times[0] <= whole.as_millis()
        && times.windows(2).all(|pair| pair[1] + step.as_millis() <= pair[0])
}

#[tokio::main]
#[allow(missing_docs)]
pub async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let ended = match (arguments.next().as_deref(), arguments.next()) {
        (Some("service"), Some(next)) => be_a_service(next).await.map(|()| true),
        _ => tell().await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("\nthis run did not go as written");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
