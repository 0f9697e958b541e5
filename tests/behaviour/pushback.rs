//! What a server says about coming back, over the wire and through the attribute.

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use steadfast::{StopReason, http, reported, reqwest::response, retry, testing};

/// Answers every request with `status` and `headers`, and counts.
async fn server(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
) -> (String, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    let handler = async move || {
        counter.fetch_add(1, SeqCst);
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        answer.body(axum::body::Body::empty()).unwrap()
    };
    let router = Router::new().route("/", get(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, calls)
}

#[derive(Debug, steadfast::Classify)]
enum Failure {
    #[classify(transparent)]
    Network(#[allow(dead_code)] reqwest::Error),
    #[classify(transparent)]
    Status(http::StatusError),
}

/// The answer as an error.
#[retry(budget = none, jitter = "none")]
async fn checked(client: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let answer = client.get(url).send().await.map_err(Failure::Network)?;
    http::check(answer).map_err(Failure::Status).map(drop)
}

/// The answer as a value.
#[retry(budget = none, jitter = "none", classify_value = response)]
async fn valued(client: &reqwest::Client, url: &str) -> reqwest::Result<reqwest::Response> {
    client.get(url).send().await
}

/// The answer as a value, on a thread without a runtime.
#[retry(budget = none, jitter = "none", classify_value = response)]
fn blocking(
    client: &reqwest::blocking::Client,
    url: &str,
) -> reqwest::Result<reqwest::blocking::Response> {
    client.get(url).send()
}

/// Calls such a server in each of the three ways: the calls, the reason and the time slept, which
/// have to be the same.
async fn outcome(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
) -> (u32, StopReason, Duration) {
    let (url, calls) = server(status, headers).await;
    let client = reqwest::Client::new();

    // The same seed each time.
    let scope = testing::scope();
    let (answer, report) = reported(checked(&client, &url)).await;
    let Err(Failure::Status(error)) = answer else { panic!("no status: {answer:?}") };
    assert_eq!(error.status().as_u16(), status);
    let first = (calls.swap(0, SeqCst), report.reason, report.slept);

    drop(scope);
    let scope = testing::scope();
    let (answer, report) = reported(valued(&client, &url)).await;
    assert_eq!(answer.unwrap().status().as_u16(), status, "the last answer, untouched");
    assert_eq!((calls.swap(0, SeqCst), report.reason, report.slept), first);

    drop(scope);
    let scope = testing::scope();
    let handle = scope.handle();
    let (answer, report) = tokio::task::spawn_blocking(move || {
        let client = reqwest::blocking::Client::new();
        handle.enter(|| steadfast::reported_sync(|| blocking(&client, &url)))
    })
    .await
    .unwrap();
    assert_eq!(answer.unwrap().status().as_u16(), status);
    assert_eq!((calls.load(SeqCst), report.reason, report.slept), first);
    first
}

/// 1 s, then 2 s: the schedule without jitter.
const SCHEDULE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_server_that_forbids_retrying_is_asked_once() {
    for status in [500, 502, 503, 504, 429] {
        let (calls, reason, _) = outcome(status, &[("x-should-retry", "false")]).await;
        assert_eq!((calls, reason), (1, StopReason::Permanent), "{status}");
    }
    let both = &[("x-should-retry", "true"), ("X-Should-Retry", " FALSE ")];
    assert_eq!(outcome(503, both).await.0, 1);
    // It also beats a hint, which says when and not whether.
    assert_eq!(outcome(503, &[("retry-after", "1"), ("x-should-retry", "false")]).await.0, 1);
}

#[tokio::test]
async fn a_server_that_asks_for_a_retry_gets_it() {
    for status in [400, 404, 409, 501] {
        let (calls, reason, _) = outcome(status, &[("x-should-retry", "true")]).await;
        assert_eq!((calls, reason), (3, StopReason::Exhausted), "{status}");
        assert_eq!(outcome(status, &[]).await.0, 1, "{status}");
    }
}

#[tokio::test]
async fn a_word_that_is_none_leaves_it_to_the_status() {
    for word in ["", "no", "0", "false;", "falsetrue"] {
        let headers = Box::leak(Box::new([("x-should-retry", word)]));
        assert_eq!(outcome(503, headers).await.0, 3, "{word:?}");
        assert_eq!(outcome(404, headers).await.0, 1, "{word:?}");
    }
}

#[tokio::test]
async fn a_hint_is_the_floor_of_every_delay() {
    for headers in [
        &[("retry-after", "10")] as &'static [_],
        &[("retry-after-ms", "10000")],
        &[("x-ms-retry-after-ms", "10000"), ("retry-after", "3")],
    ] {
        let (calls, reason, slept) = outcome(503, headers).await;
        assert_eq!((calls, reason), (3, StopReason::Exhausted));
        assert!(slept >= Duration::from_secs(20), "{slept:?}");
        assert!(slept <= Duration::from_secs(22), "{slept:?}");
    }
}

#[tokio::test]
async fn a_hint_beyond_the_limit_ends_it_at_once() {
    for headers in [&[("retry-after", "61")] as &'static [_], &[("retry-after", "31536000")]] {
        assert_eq!(outcome(503, headers).await, (1, StopReason::Hint, Duration::ZERO));
    }
}

#[tokio::test]
async fn a_hint_that_is_none_leaves_it_to_the_schedule() {
    let digits: &'static str = String::leak("9".repeat(400));
    for value in [
        "",
        "-1",
        "soon",
        digits,
        "1e3",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sun, 99 Foo 2030 08:49:37 GMT",
    ] {
        let headers = Box::leak(Box::new([("retry-after", value)]));
        assert_eq!(outcome(503, headers).await, (3, StopReason::Exhausted, SCHEDULE), "{value:?}");
    }
}

#[tokio::test]
async fn statuses_say_the_rest() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert_eq!(outcome(status, &[]).await, (3, StopReason::Exhausted, SCHEDULE), "{status}");
    }
    for status in [400, 401, 403, 404, 409, 410, 422, 501, 505] {
        assert_eq!(outcome(status, &[]).await.0, 1, "{status}");
    }
    assert!(StatusCode::from_u16(425).is_ok());
}
