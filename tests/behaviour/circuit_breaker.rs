//! `#[circuit_breaker]`, alone and below `#[retry]`.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::breaker::{CircuitBreaker, State, WindowSpan};
use steadfast::{
    CircuitOpen, Classify, StopReason, circuit_breaker, reported_sync, retry, testing,
};

#[derive(Debug, PartialEq, Eq, Classify)]
enum ApiError {
    #[retryable]
    Down,
    #[retryable(kind = timeout)]
    Slow,
    #[retryable(kind = throttled)]
    Throttled,
    #[permanent]
    NotFound,
    #[retryable(unsent)]
    Open,
}

impl From<CircuitOpen> for ApiError {
    fn from(_: CircuitOpen) -> Self {
        Self::Open
    }
}

impl From<steadfast::AttemptTimeout> for ApiError {
    fn from(_: steadfast::AttemptTimeout) -> Self {
        Self::Slow
    }
}

type Answer = Result<u32, ApiError>;

#[circuit_breaker(name = "alone", failure_threshold = 2, recovery_jitter = 0.0)]
fn alone(calls: &Cell<u32>, answer: Answer) -> Answer {
    calls.set(calls.get() + 1);
    answer
}

#[test]
fn open_breaker_rejects_without_calling() {
    let scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(alone(&calls, Err(ApiError::Down)), Err(ApiError::Down));
    assert_eq!(alone(&calls, Err(ApiError::Slow)), Err(ApiError::Slow));
    assert_eq!(alone(&calls, Ok(1)), Err(ApiError::Open));
    assert_eq!(calls.get(), 2);
    // The break is over: one probe, and it closes.
    scope.advance(Duration::from_secs(30));
    assert_eq!(alone(&calls, Ok(2)), Ok(2));
    assert_eq!(alone(&calls, Ok(3)), Ok(3));
    assert_eq!(steadfast::breaker("alone").unwrap().state(), State::Closed);
}

#[test]
fn answers_are_successes() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    for _ in 0..5 {
        assert_eq!(alone(&calls, Err(ApiError::Down)), Err(ApiError::Down));
        assert_eq!(alone(&calls, Err(ApiError::NotFound)), Err(ApiError::NotFound));
        assert_eq!(alone(&calls, Err(ApiError::Down)), Err(ApiError::Down));
        assert_eq!(alone(&calls, Err(ApiError::Throttled)), Err(ApiError::Throttled));
    }
    assert_eq!(calls.get(), 20);
}

/// An error that says nothing of itself.
#[derive(Debug)]
struct Opaque;

impl From<CircuitOpen> for Opaque {
    fn from(_: CircuitOpen) -> Self {
        Self
    }
}

#[circuit_breaker(name = "opaque", failure_threshold = 1)]
fn opaque(calls: &Cell<u32>) -> Result<(), Opaque> {
    calls.set(calls.get() + 1);
    Err(Opaque)
}

#[test]
fn without_any_classification_every_error_is_a_failure() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    for _ in 0..3 {
        let _ = opaque(&calls);
    }
    assert_eq!(calls.get(), 1);
}

#[circuit_breaker(name = "listed", failure_threshold = 1, on = [ApiError::NotFound], ignore = [ApiError::Slow])]
fn listed(answer: Answer) -> Answer {
    answer
}

#[test]
fn what_is_listed_counts_and_what_is_ignored_does_not() {
    let _scope = testing::scope();
    assert_eq!(listed(Err(ApiError::Down)), Err(ApiError::Down));
    assert_eq!(listed(Err(ApiError::Slow)), Err(ApiError::Slow));
    assert_eq!(listed(Err(ApiError::NotFound)), Err(ApiError::NotFound));
    assert_eq!(listed(Ok(1)), Err(ApiError::Open));
}

#[circuit_breaker(name = "consuming", failure_threshold = 1)]
fn consuming(text: String) -> io::Result<usize> {
    let owned = text;
    Ok(owned.into_bytes().len())
}

#[test]
fn a_body_without_retry_may_consume_its_arguments() {
    assert_eq!(consuming("abc".to_owned()).unwrap(), 3);
}

static SHARED: CircuitBreaker = CircuitBreaker::new("shared").failure_threshold(1);

#[circuit_breaker(SHARED)]
fn first(answer: Answer) -> Answer {
    answer
}

#[circuit_breaker(name = "shared", failure_threshold = 1)]
fn second(answer: Answer) -> Answer {
    answer
}

#[test]
fn functions_of_one_name_share_a_breaker() {
    let _scope = testing::scope();
    assert_eq!(first(Err(ApiError::Down)), Err(ApiError::Down));
    assert_eq!(second(Ok(1)), Err(ApiError::Open));
}

struct Client {
    cached: u32,
}

impl Client {
    #[circuit_breaker(name = "fallback", failure_threshold = 1, fallback = Self::cached)]
    fn price(&self, answer: Answer) -> Answer {
        answer
    }

    fn cached(&self, _: Answer) -> Answer {
        Ok(self.cached)
    }

    #[retry(max_attempts = 3)]
    #[circuit_breaker(name = "async fallback", failure_threshold = 1, fallback = Self::remembered)]
    async fn fetch(&self, calls: &Cell<u32>) -> Answer {
        calls.set(calls.get() + 1);
        Err(ApiError::Down)
    }

    async fn remembered(&self, _: &Cell<u32>) -> Answer {
        Ok(self.cached + 1)
    }
}

#[circuit_breaker(name = "plain", failure_threshold = 1, fallback = nothing, classify_value = negative)]
fn plain(value: i32) -> i32 {
    value
}

fn nothing(_: i32) -> i32 {
    0
}

fn negative(value: &i32) -> Option<steadfast::Classification> {
    (*value < 0).then(steadfast::Classification::retryable)
}

#[test]
fn a_fallback_answers_for_an_open_circuit() {
    let _scope = testing::scope();
    let client = Client { cached: 7 };
    assert_eq!(client.price(Err(ApiError::Down)), Err(ApiError::Down));
    assert_eq!(client.price(Ok(1)), Ok(7));
    assert_eq!(plain(-1), -1);
    assert_eq!(plain(5), 0);
}

#[tokio::test]
async fn a_fallback_answers_inside_a_retry() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(Client { cached: 7 }.fetch(&calls).await, Err(ApiError::Down));
    assert_eq!(Client { cached: 7 }.fetch(&calls).await, Ok(8));
    assert_eq!(calls.get(), 1);
}

#[retry(max_attempts = 5, base_delay = "1s", jitter = "none")]
#[circuit_breaker(
    name = "inside",
    failure_threshold = 2,
    recovery_timeout = "30s",
    recovery_jitter = 0.0
)]
fn inside(calls: &Cell<u32>) -> Answer {
    calls.set(calls.get() + 1);
    Err(ApiError::Down)
}

#[test]
fn an_open_circuit_ends_the_retrying_without_a_sleep_and_with_the_real_error() {
    let scope = testing::scope();
    let calls = Cell::new(0);
    let (answer, report) = reported_sync(|| inside(&calls));
    assert_eq!(answer, Err(ApiError::Down));
    assert_eq!((calls.get(), report.attempts, report.reason), (2, 2, StopReason::CircuitOpen));
    assert_eq!(
        scope.elapsed(),
        Duration::from_secs(1),
        "the delay before the second attempt alone"
    );
    // A call that meets the open circuit at once has no other answer.
    let (answer, report) = reported_sync(|| inside(&calls));
    assert_eq!((answer, report.reason), (Err(ApiError::Open), StopReason::CircuitOpen));
    assert_eq!(calls.get(), 2);
    assert_eq!(scope.elapsed(), Duration::from_secs(1));
}

#[retry(max_attempts = 3, base_delay = "10s", jitter = "none")]
#[circuit_breaker(
    name = "short break",
    failure_threshold = 1,
    recovery_timeout = "2s",
    recovery_jitter = 0.0
)]
async fn short_break(calls: &Cell<u32>) -> Answer {
    calls.set(calls.get() + 1);
    if calls.get() < 2 { Err(ApiError::Down) } else { Ok(calls.get()) }
}

#[tokio::test]
async fn a_circuit_that_opens_before_the_next_attempt_is_waited_for() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(short_break(&calls).await, Ok(2));
}

#[retry(max_attempts = 4, base_delay = "1s", jitter = "none")]
#[circuit_breaker(name = "around", failure_threshold = 1, per = "call")]
async fn around(calls: &Cell<u32>) -> Answer {
    calls.set(calls.get() + 1);
    Err(ApiError::Down)
}

#[tokio::test]
async fn a_breaker_around_the_retry_counts_calls() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(around(&calls).await, Err(ApiError::Down));
    assert_eq!(calls.get(), 4);
    assert_eq!(around(&calls).await, Err(ApiError::Open));
    assert_eq!(calls.get(), 4);
}

#[circuit_breaker(name = "keyed", key = "{host}", failure_threshold = 1)]
async fn keyed(host: &str, answer: Answer) -> Answer {
    let _ = host;
    answer
}

#[tokio::test]
async fn one_breaker_for_each_key() {
    let _scope = testing::scope();
    assert_eq!(keyed("a", Err(ApiError::Down)).await, Err(ApiError::Down));
    assert_eq!(keyed("a", Ok(1)).await, Err(ApiError::Open));
    assert_eq!(keyed("b", Ok(1)).await, Ok(1));
}

#[circuit_breaker(
    name = "flapping",
    failure_threshold = 1,
    recovery_timeout = "5s",
    recovery_factor = 2,
    recovery_jitter = 0.0
)]
fn flapping(answer: Answer) -> Answer {
    answer
}

#[test]
fn a_service_that_is_up_for_one_probe_is_left_alone_for_longer_each_time() {
    let scope = testing::scope();
    let advance = |seconds| scope.advance(Duration::from_secs(seconds));
    for break_ in [5, 10, 20, 40] {
        flapping(Err(ApiError::Down)).unwrap_err();
        advance(break_ - 1);
        assert_eq!(flapping(Ok(1)), Err(ApiError::Open));
        advance(1);
        assert_eq!(flapping(Ok(1)), Ok(1));
    }
    // Up for as long as it was left alone.
    advance(40);
    flapping(Err(ApiError::Down)).unwrap_err();
    advance(5);
    assert_eq!(flapping(Ok(1)), Ok(1));
}

#[retry(max_attempts = 2, attempt_timeout = "1s", base_delay = "10ms")]
#[circuit_breaker(name = "timed", failure_threshold = 2)]
async fn timed() -> Answer {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn an_attempt_timeout_is_a_failure_of_the_circuit() {
    let _scope = testing::scope();
    assert_eq!(timed().await, Err(ApiError::Slow));
    assert_eq!(timed().await, Err(ApiError::Open));
}

#[circuit_breaker(name = "black hole", slow_call = "1s", failure_threshold = 2)]
async fn black_hole() -> Answer {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn slow_calls_are_noticed_while_they_run() {
    // Not in a scope, whose clock stands still.
    for _ in 0..2 {
        tokio::spawn(black_hole());
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(black_hole().await, Err(ApiError::Open));
}

#[circuit_breaker(name = "io", failure_threshold = 1)]
fn on_io() -> io::Result<()> {
    Err(ErrorKind::TimedOut.into())
}

#[test]
fn io_errors_hold_the_rejection() {
    let _scope = testing::scope();
    assert_eq!(on_io().unwrap_err().kind(), ErrorKind::TimedOut);
    let open = on_io().unwrap_err();
    assert!(open.get_ref().unwrap().is::<CircuitOpen>(), "{open:?}");
}

#[circuit_breaker(name = "mapped", failure_threshold = 1, map_open = |open| open.to_string())]
fn mapped() -> Result<(), String> {
    Err("down".to_owned())
}

#[test]
fn map_open_makes_errors_of_other_crates() {
    let _scope = testing::scope();
    assert_eq!(mapped().unwrap_err(), "down");
    assert!(mapped().unwrap_err().contains("circuit breaker `mapped` is open"));
}

#[circuit_breaker(name = "maybe", failure_threshold = 1)]
fn maybe(answer: Option<u8>) -> Option<u8> {
    answer
}

#[test]
fn none_is_a_failure_of_an_option() {
    let _scope = testing::scope();
    assert_eq!(maybe(None), None);
    assert_eq!(maybe(Some(1)), None);
}

const CALLS: u32 = 10;
const WHILE: Duration = Duration::from_secs(10);

#[circuit_breaker(name = "of calls", failure_rate = 0.5, window = CALLS * 2)]
fn window_of_calls() -> Answer {
    Ok(1)
}

#[circuit_breaker(name = "of a time", failure_rate = 0.5, window = WHILE)]
async fn window_of_a_time() -> Answer {
    Ok(1)
}

#[tokio::test]
async fn a_const_window_is_what_its_type_says() {
    let _scope = testing::scope();
    window_of_calls().unwrap();
    window_of_a_time().await.unwrap();
    let window = |name| steadfast::breaker(name).unwrap().configuration().window;
    assert_eq!(window("of calls"), Some(WindowSpan::Calls(20)));
    assert_eq!(window("of a time"), Some(WindowSpan::Time(WHILE)));
}
