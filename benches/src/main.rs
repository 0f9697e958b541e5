//! One way of making a call, so many times: `steadfast-benches WAY CALLS`. `run` counts the
//! instructions of each.

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use backon::BlockingRetryable;
use steadfast::{Classify, retry as steadfast_retry};

/// An error without anything to drop.
#[derive(Clone, Copy, Debug, Classify)]
enum Failure {
    #[retryable]
    Down,
    #[permanent]
    Gone,
}

/// The body of every way: succeeds, but the compiler does not know.
#[inline(always)]
fn body(x: u64) -> Result<u64, Failure> {
    match black_box(x) {
        u64::MAX => Err(Failure::Down),
        x if x == u64::MAX - 1 => Err(Failure::Gone),
        x => Ok(x),
    }
}

/// Fails three times of four.
#[inline(always)]
fn failing(calls: &Cell<u32>) -> Result<u32, Failure> {
    calls.set(calls.get() + 1);
    if black_box(calls.get()) % 4 == 0 { Ok(1) } else { Err(Failure::Down) }
}

fn transient(error: &Failure) -> bool {
    matches!(error, Failure::Down)
}

#[inline(never)]
fn bare(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
fn by_hand(x: u64) -> Result<u64, Failure> {
    let mut attempt = 0;
    loop {
        match body(x) {
            Err(error) if transient(&error) && attempt < 2 => {
                attempt += 1;
                std::thread::sleep(Duration::from_secs(1) * attempt);
            }
            outcome => return outcome,
        }
    }
}

#[inline(never)]
#[steadfast_retry]
fn annotated(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
#[steadfast_retry(budget = none)]
fn without_budget(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
fn with_retry(x: u64) -> Result<u64, Failure> {
    retry::retry(retry::delay::Fixed::from_millis(1000).take(2), || body(x))
        .map_err(|error| error.error)
}

#[inline(never)]
fn with_backon(x: u64) -> Result<u64, Failure> {
    (|| body(x)).retry(backon::ExponentialBuilder::default()).when(transient).call()
}

#[inline(never)]
async fn bare_async(x: u64) -> Result<u64, Failure> {
    body(x)
}

#[inline(never)]
async fn by_hand_async(x: u64) -> Result<u64, Failure> {
    let mut attempt = 0;
    loop {
        match bare_async(x).await {
            Err(error) if transient(&error) && attempt < 2 => attempt += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_secs(1) * attempt).await;
    }
}

#[steadfast_retry]
async fn annotated_async(x: u64) -> Result<u64, Failure> {
    bare_async(x).await
}

#[steadfast_retry(budget = none)]
async fn without_budget_async(x: u64) -> Result<u64, Failure> {
    bare_async(x).await
}

async fn with_tokio_retry(x: u64) -> Result<u64, Failure> {
    let strategy = tokio_retry::strategy::ExponentialBackoff::from_millis(1000).take(2);
    tokio_retry::Retry::spawn(strategy, || bare_async(x)).await
}

#[inline(never)]
fn three_failures_by_hand(calls: &Cell<u32>) -> Result<u32, Failure> {
    let mut attempt = 0;
    loop {
        match failing(calls) {
            Err(error) if transient(&error) && attempt < 3 => attempt += 1,
            outcome => return outcome,
        }
    }
}

#[inline(never)]
#[steadfast_retry(budget = none, base_delay = "0s", max_attempts = 4)]
fn three_failures(calls: &Cell<u32>) -> Result<u32, Failure> {
    failing(calls)
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

/// A function around 16 KiB of state, to see what the attribute adds to its future.
async fn large() -> Result<u64, Failure> {
    let state = [0_u8; 16 * 1024];
    std::future::ready(()).await;
    Ok(u64::from(black_box(&state)[0]))
}

#[steadfast_retry]
async fn large_annotated() -> Result<u64, Failure> {
    let state = [0_u8; 16 * 1024];
    std::future::ready(()).await;
    Ok(u64::from(black_box(&state)[0]))
}

/// Nanoseconds a call by each of so many threads at once.
fn threads(count: u64, calls: u64) -> f64 {
    let begin = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| (0..calls).for_each(|x| drop(black_box(annotated(x)))));
        }
    });
    begin.elapsed().as_nanos() as f64 / calls as f64
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let way = arguments.next().expect("which way");
    let calls: u64 = arguments.next().expect("how many calls").parse().expect("a number");
    let cell = Cell::new(0);
    match way.as_str() {
        "bare" => (0..calls).for_each(|x| drop(black_box(bare(x)))),
        "by_hand" => (0..calls).for_each(|x| drop(black_box(by_hand(x)))),
        "annotated" => (0..calls).for_each(|x| drop(black_box(annotated(x)))),
        "without_budget" => (0..calls).for_each(|x| drop(black_box(without_budget(x)))),
        "retry" => (0..calls).for_each(|x| drop(black_box(with_retry(x)))),
        "backon" => (0..calls).for_each(|x| drop(black_box(with_backon(x)))),
        "bare_async" => (0..calls).for_each(|x| drop(black_box(block_on(bare_async(x))))),
        "by_hand_async" => (0..calls).for_each(|x| drop(black_box(block_on(by_hand_async(x))))),
        "annotated_async" => {
            (0..calls).for_each(|x| drop(black_box(block_on(annotated_async(x)))));
        }
        "without_budget_async" => {
            (0..calls).for_each(|x| drop(black_box(block_on(without_budget_async(x)))));
        }
        "tokio_retry" => (0..calls).for_each(|x| drop(black_box(block_on(with_tokio_retry(x))))),
        "three_failures_by_hand" => {
            (0..calls).for_each(|_| drop(black_box(three_failures_by_hand(&cell))));
        }
        "three_failures" => (0..calls).for_each(|_| drop(black_box(three_failures(&cell)))),
        "future_growth" => println!("{}", size_of_val(&large_annotated()) - size_of_val(&large())),
        "two_threads" => {
            // The best of five: a machine that does something else in between only makes it slower.
            let best = |count| (0..5).map(|_| threads(count, calls)).fold(f64::MAX, f64::min);
            println!("{:.2}", 2.0 * best(1) / best(2));
        }
        other => panic!("no way {other}"),
    }
}
