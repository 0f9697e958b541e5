//! Attempts and deadlines that cross a network: real requests over loopback, and hostile headers.

use std::future::IntoFuture as _;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use proptest::prelude::*;
use steadfast::propagate::{
    self, Incoming, InjectLayer, LONGEST_TIME, PropagateLayer, Trust, with_current,
};
use steadfast::{http, retry, testing};
use tower::{Layer as _, ServiceExt as _};

type Calls = Arc<AtomicU32>;

/// What fails in the end, and counts.
#[retry(max_attempts = 3, budget = none)]
async fn backend(calls: &AtomicU32) -> io::Result<()> {
    calls.fetch_add(1, SeqCst);
    tokio::task::yield_now().await;
    Err(ErrorKind::TimedOut.into())
}

/// A service that needs the backend, under a layer or none.
fn service(calls: &Calls, trust: Option<Trust>) -> Router {
    let handler = async |State(calls): State<Calls>| match backend(&calls).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let router = Router::new().route("/", get(handler)).with_state(calls.clone());
    match trust {
        Some(trust) => router.layer(PropagateLayer::new(trust)),
        None => router,
    }
}

/// Serves on a free port until the runtime of the test ends.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(axum::serve(listener, service).into_future());
    url
}

#[derive(Debug, steadfast::Classify)]
enum Failure {
    #[classify(transparent)]
    Network(#[allow(dead_code)] reqwest::Error),
    #[classify(transparent)]
    Status(#[allow(dead_code)] http::StatusError),
    #[retryable(kind = timeout)]
    TimedOut,
}

impl From<steadfast::AttemptTimeout> for Failure {
    fn from(_: steadfast::AttemptTimeout) -> Self {
        Self::TimedOut
    }
}

async fn request(client: &reqwest::Client, url: &str) -> Result<String, Failure> {
    let answer = client.get(url).headers(propagate::headers()).send().await;
    let answer = http::check(answer.map_err(Failure::Network)?).map_err(Failure::Status)?;
    answer.text().await.map_err(Failure::Network)
}

#[retry(max_attempts = 3, budget = none)]
async fn call(client: &reqwest::Client, url: &str) -> Result<String, Failure> {
    request(client, url).await
}

#[retry(max_attempts = 3, budget = none, deadline = "10s")]
async fn call_within(client: &reqwest::Client, url: &str) -> Result<String, Failure> {
    request(client, url).await
}

fn loopback(origin: &propagate::Origin<'_>) -> bool {
    origin.extension::<ConnectInfo<SocketAddr>>().is_some_and(|peer| peer.0.ip().is_loopback())
}

async fn calls_with(trust: Option<Trust>) -> u32 {
    let _scope = testing::scope();
    let calls = Calls::default();
    let url = serve(service(&calls, trust)).await;
    call(&reqwest::Client::new(), &url).await.unwrap_err();
    calls.load(SeqCst)
}

#[tokio::test]
async fn a_retried_request_is_not_retried_below() {
    assert_eq!(calls_with(Some(Trust::everyone())).await, 5);
    assert_eq!(calls_with(Some(Trust::when(loopback))).await, 5);
}

#[tokio::test]
async fn requests_of_strangers_are_retried_as_ever() {
    assert_eq!(calls_with(None).await, 9, "without a layer");
    assert_eq!(calls_with(Some(Trust::nobody())).await, 9);
    let elsewhere = Trust::when(|origin| !loopback(origin));
    assert_eq!(calls_with(Some(elsewhere)).await, 9);
}

#[tokio::test]
async fn both_layers_together_carry_it_over() {
    #[retry(max_attempts = 3, budget = none, on = any)]
    async fn call(router: &Router) -> Result<(), StatusCode> {
        let server = tower::service_fn(async |request: Request<Body>| {
            // As a server does: in a task of its own.
            tokio::spawn(router.clone().oneshot(request)).await.unwrap()
        });
        let client = InjectLayer::new().layer(server);
        let answer = client.oneshot(Request::new(Body::empty())).await.unwrap();
        if answer.status().is_success() { Ok(()) } else { Err(answer.status()) }
    }
    for (trust, expected) in [(Trust::everyone(), 5), (Trust::nobody(), 9)] {
        let _scope = testing::scope();
        let calls = Calls::default();
        call(&service(&calls, Some(trust))).await.unwrap_err();
        assert_eq!(calls.load(SeqCst), expected);
    }
}

#[tokio::test]
async fn a_deadline_arrives_and_bounds_what_is_below() {
    #[retry(max_attempts = 100, base_delay = "1s", jitter = "none", factor = 1.0, budget = none)]
    async fn patient(calls: &AtomicU32) -> io::Result<()> {
        calls.fetch_add(1, SeqCst);
        Err(ErrorKind::TimedOut.into())
    }
    let scope = testing::scope();
    let calls = Calls::default();
    let handler = async |State(calls): State<Calls>, Extension(incoming): Extension<Incoming>| {
        let left = incoming.remaining().unwrap();
        patient(&calls).await.unwrap_err();
        format!("{}", left.as_millis())
    };
    let router = Router::new().route("/", get(handler)).with_state(calls.clone());
    let url = serve(router.layer(PropagateLayer::new(Trust::everyone()))).await;
    let left = call_within(&reqwest::Client::new(), &url).await.unwrap();
    assert_eq!(left, "10000", "no time passes in a scope but that of delays");
    // Each second an attempt; none begins at the deadline.
    assert_eq!(calls.load(SeqCst), 10);
    assert_eq!(scope.elapsed(), Duration::from_secs(9));
}

#[tokio::test]
async fn the_headers_of_a_request_speak_of_one_hop() {
    let handler = async |headers: HeaderMap, Extension(incoming): Extension<Incoming>| {
        assert!(headers.keys().all(|name| !name.as_str().starts_with("steadfast")), "{headers:?}");
        format!("{} {}", incoming.attempt(), propagate::headers().len())
    };
    // A second layer further in sees nothing, and changes nothing.
    for trust in [Trust::everyone(), Trust::nobody()] {
        let router = Router::new().route("/", get(handler));
        let router = router.layer(PropagateLayer::new(trust.clone()));
        let router = router.layer(PropagateLayer::new(Trust::everyone()));
        let url = serve(router).await;
        let request = reqwest::Client::new().get(&url);
        let request = request.header("steadfast-attempt", "2").header("steadfast-timeout-ms", "9");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "2 3", "{trust:?}");
    }
    let router = Router::new().route("/", get(handler)).layer(PropagateLayer::new(Trust::nobody()));
    let url = serve(router).await;
    let request = reqwest::Client::new().get(&url).header("steadfast-attempt", "2");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "1 0");
}

#[tokio::test]
async fn a_handler_that_panics_leaves_nothing_behind() {
    async fn fail() -> &'static str {
        panic!("a handler that panics, on purpose")
    }
    let calls = Calls::default();
    let router = service(&calls, Some(Trust::everyone()));
    let router = router.route("/panic", get(fail).layer(PropagateLayer::new(Trust::everyone())));
    let url = serve(router).await;
    let client = reqwest::Client::new();
    let _scope = testing::scope();
    let retried = client.get(format!("{url}panic")).header("steadfast-attempt", "2");
    retried.send().await.unwrap_err();
    // The server has polled that handler on this thread.
    client.get(&url).send().await.unwrap();
    assert_eq!(calls.load(SeqCst), 3);
}

#[tokio::test]
async fn what_a_handler_spawns_inherits_if_it_is_wrapped() {
    let _scope = testing::scope();
    let calls = Calls::default();
    let handler = async |State(calls): State<Calls>| {
        let (bare, wrapped) = (calls.clone(), calls);
        tokio::spawn(async move { backend(&bare).await }).await.unwrap().unwrap_err();
        let after_bare = wrapped.load(SeqCst);
        let task = async move { (backend(&wrapped).await.is_err(), wrapped.load(SeqCst)) };
        let (failed, after_wrapped) = tokio::spawn(with_current(task)).await.unwrap();
        assert!(failed);
        format!("{after_bare} {}", after_wrapped - after_bare)
    };
    let router = Router::new().route("/", get(handler)).with_state(calls);
    let url = serve(router.layer(PropagateLayer::new(Trust::everyone()))).await;
    let request = reqwest::Client::new().get(&url).header("steadfast-attempt", "2");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "3 1");
}

const NAMES: [&str; 5] = [
    "steadfast-attempt",
    "steadfast-suppress-ms",
    "steadfast-timeout-ms",
    "grpc-timeout",
    "grpc-previous-rpc-attempts",
];

/// Bytes, digits, nearly digits, and times of gRPC.
fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9]{1,12}".prop_map(String::into_bytes),
        "[-+ ]?[0-9]{0,25}[.,e ]?[0-9]{0,3}".prop_map(String::into_bytes),
        "[0-9]{1,9}[HMSmun]".prop_map(String::into_bytes),
        Just("9".repeat(400).into_bytes()),
        any::<u64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_panics_lengthens_or_forbids_the_first_attempt(
        headers in prop::collection::vec((0..NAMES.len(), values()), 0..6),
    ) {
        let _scope = testing::scope();
        let mut received = HeaderMap::new();
        for (name, value) in &headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                received.append(NAMES[*name], value);
            }
        }
        prop_assert_eq!(Incoming::extract(&received, &Trust::nobody().grpc()), Incoming::default());
        for trust in [Trust::everyone(), Trust::everyone().grpc()] {
            let incoming = Incoming::extract(&received, &trust);
            prop_assert!(incoming.attempt() >= 1);
            prop_assert!(incoming.remaining().is_none_or(|left| left <= LONGEST_TIME));
            let calls = AtomicU32::new(0);
            let call = incoming.run(backend(&calls));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(call).unwrap_err();
            // A suppression of no time is over when it arrives.
            let over = received.get(propagate::SUPPRESS_MS).is_some_and(|value| {
                value.as_bytes().iter().all(|digit| *digit == b'0')
            });
            let expected = if incoming.is_retry() && !over { 1..=1 } else { 1..=3 };
            prop_assert!(expected.contains(&calls.into_inner()));
            let before = propagate::headers();
            prop_assert!(before.is_empty());
        }
    }

    #[test]
    fn a_header_means_its_digits_or_nothing(name in 0..3_usize, value in values()) {
        let _scope = testing::scope();
        let Ok(header) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        let received = HeaderMap::from_iter([(HeaderName::from_static(NAMES[name]), header)]);
        let incoming = Incoming::extract(&received, &Trust::everyone());
        let digits = !value.is_empty() && value.len() <= 20 && value.iter().all(u8::is_ascii_digit);
        let number: Option<u128> =
            digits.then(|| std::str::from_utf8(&value).unwrap().parse().unwrap());
        let attempt = number.filter(|it| name == 0 && (2..=u32::MAX.into()).contains(it));
        prop_assert_eq!(u128::from(incoming.attempt()), attempt.unwrap_or(1));
        let timeout = number.filter(|it| name == 2 && *it <= LONGEST_TIME.as_millis());
        prop_assert_eq!(incoming.remaining().map(|left| left.as_millis()), timeout);
    }
}
