//! A breaker around nothing, so many times: `breaker WAY CALLS`. `run` counts the instructions.

use std::hint::black_box;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Acquire};
use std::time::Duration;

use failsafe::CircuitBreaker as _;
use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use layered::{Execute, Service as _, Stack};
use recloser::Recloser;
use seatbelt::{RecoveryInfo, ResilienceContext};
use steadfast::breaker::{Attached, CircuitBreaker};
use steadfast_benches::{Failure, block_on, body, runtime, two_threads};
use tower::Service as _;

static CONSECUTIVE: Attached = Attached::named(CircuitBreaker::new("consecutive"));
static HAND: CircuitBreaker = CircuitBreaker::new("hand");
static WORD: AtomicU64 = AtomicU64::new(0);
static CALLS: Attached =
    Attached::named(CircuitBreaker::new("calls").failure_rate(0.5).window(100));
static TIME: Attached = Attached::named(
    CircuitBreaker::new("time").failure_rate(0.5).window_duration(Duration::from_secs(10)),
);
static SLOW: Attached =
    Attached::named(CircuitBreaker::new("slow").slow_call(Duration::from_secs(2)));
static OPEN: Attached = Attached::named(
    CircuitBreaker::new("open").failure_threshold(1).recovery_timeout(Duration::from_secs(3600)),
);
static KEYED: Attached = Attached::keyed(CircuitBreaker::new("keyed"), 1024);
static KEYED_CALLS: Attached =
    Attached::keyed(CircuitBreaker::new("keyed-calls").failure_rate(0.5).window(100), 1024);

type Failsafe = failsafe::StateMachine<ConsecutiveFailures<failsafe::backoff::Constant>, ()>;

static FAILSAFE: LazyLock<Failsafe> = LazyLock::new(|| {
    let hour = failsafe::backoff::constant(Duration::from_secs(3600));
    failsafe::Config::new().failure_policy(consecutive_failures(5, hour)).build()
});
static RECLOSER: LazyLock<Recloser> = LazyLock::new(|| {
    Recloser::custom().closed_len(100).open_wait(Duration::from_secs(3600)).build()
});

#[inline(never)]
fn call_failsafe(breaker: &Failsafe, succeeds: bool) -> bool {
    breaker.call(|| if black_box(succeeds) { Ok(()) } else { Err(()) }).is_ok()
}

#[inline(never)]
fn call_recloser(breaker: &Recloser, succeeds: bool) -> bool {
    breaker.call(|| if black_box(succeeds) { Ok(()) } else { Err(()) }).is_ok()
}

async fn bare(x: u64) -> Result<u64, Failure> {
    body(x)
}

fn seatbelt() -> impl AsyncFn(u64) -> Result<u64, Failure> {
    let context: ResilienceContext<u64, Result<u64, Failure>> =
        ResilienceContext::new(tick::Clock::new_tokio());
    let service = (
        seatbelt::breaker::Breaker::layer("breaker", &context)
            .recovery_with(|outcome, _| match outcome {
                Ok(_) => RecoveryInfo::never(),
                Err(_) => RecoveryInfo::retry(),
            })
            .rejected_input_error(|_, _| Failure::Gone),
        Execute::new(bare),
    )
        .into_service();
    async move |x| service.execute(x).await
}

fn tower_resilience() -> impl AsyncFnMut(u64) -> bool {
    let layer = tower_resilience_circuitbreaker::CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(100)
        .build()
        .expect("a breaker");
    let mut service = tower::ServiceBuilder::new().layer(layer).service(tower::service_fn(bare));
    async move |x| service.call(x).await.is_ok()
}

#[steadfast::circuit_breaker(name = "async")]
async fn annotated(x: u64) -> Result<u64, Failure> {
    bare(x).await
}

/// Leave and success.
#[inline(never)]
fn call(breaker: &'static Attached) -> bool {
    match breaker.admit() {
        Ok(pass) => {
            pass.success();
            true
        }
        Err(_) => false,
    }
}

#[inline(never)]
fn call_key(breaker: &'static Attached, key: &str) -> bool {
    match breaker.admit_key(key) {
        Ok(pass) => {
            pass.success();
            true
        }
        Err(_) => false,
    }
}

/// The same without `Attached`.
#[inline(never)]
fn by_hand(breaker: &'static CircuitBreaker) -> bool {
    match breaker.try_acquire() {
        Ok(permit) => {
            permit.success();
            true
        }
        Err(_) => false,
    }
}

/// What cannot be less: one word read twice.
#[inline(never)]
fn word(word: &AtomicU64) -> bool {
    let before = word.load(Acquire);
    black_box(before) & 7 < 3 && word.load(Acquire) == before
}

#[inline(never)]
fn nothing(breaker: &'static Attached) -> bool {
    black_box(breaker).name().is_empty()
}

fn one(way: &str, calls: u64) {
    macro_rules! times {
        ($call:expr) => {
            (0..calls).for_each(|_| _ = black_box($call))
        };
    }
    match way {
        "nothing" => times!(nothing(&CONSECUTIVE)),
        "word" => times!(word(&WORD)),
        "by_hand" => times!(by_hand(&HAND)),
        "consecutive" => times!(call(&CONSECUTIVE)),
        "calls" => times!(call(&CALLS)),
        "time" => times!(call(&TIME)),
        "slow" => times!(call(&SLOW)),
        "open" => times!(call(&OPEN)),
        "keyed" => times!(call_key(&KEYED, "a.example")),
        "keyed_calls" => times!(call_key(&KEYED_CALLS, "a.example")),
        // Before it is looked for, generated code writes the key.
        "key_text" => times!(steadfast::__private::Key::new().part("a.example")),
        "keyed_1000" => {
            let keys: Vec<String> = (0..1000).map(|n| format!("{n}.example")).collect();
            let mut keys = keys.iter().cycle();
            times!(keys.next().map(|key| call_key(&KEYED, key)))
        }
        "failsafe" | "failsafe_open" => times!(call_failsafe(&FAILSAFE, true)),
        "recloser" | "recloser_open" => times!(call_recloser(&RECLOSER, true)),
        "bare_async" => times!(block_on(bare(1))),
        "annotated_async" => times!(block_on(annotated(1))),
        "seatbelt_async" => {
            let runtime = runtime();
            let _entered = runtime.enter();
            let call = seatbelt();
            times!(block_on(call(1)));
        }
        "tower_resilience_async" => {
            let mut call = tower_resilience();
            times!(block_on(call(1)));
        }
        other => panic!("no way {other}"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().expect("which way");
    let calls: u64 = arguments.next().expect("how many calls").parse().expect("a number");
    if let Ok(pass) = OPEN.admit() {
        pass.failure();
    }
    if way.ends_with("failsafe_open") {
        while FAILSAFE.is_call_permitted() {
            call_failsafe(&FAILSAFE, false);
        }
    }
    if way.ends_with("recloser_open") {
        (0..200).for_each(|_| _ = call_recloser(&RECLOSER, false));
        assert!(!call_recloser(&RECLOSER, true), "it rejects");
    }
    match way.strip_prefix("threads_") {
        Some(way) => println!("{}", two_threads(calls, |calls| one(way, calls))),
        None => one(&way, calls),
    }
}
