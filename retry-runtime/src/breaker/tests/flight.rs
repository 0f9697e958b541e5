//! Calls in flight: cancelled, slow, lost, awaited.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::super::State::{Closed, ForcedOpen, HalfOpen, Open};
use super::super::{Attached, CircuitOpen, breaker};
use super::*;
use crate::testing;

#[derive(Debug, PartialEq)]
enum Failed {
    Body,
    Rejected,
}

impl From<CircuitOpen> for Failed {
    fn from(_: CircuitOpen) -> Self {
        Self::Rejected
    }
}

fn slow(name: &'static str) -> &'static Attached {
    let own =
        CircuitBreaker::new(name).failure_threshold(1).slow_call(secs(1)).recovery_jitter(0.0);
    Box::leak(Box::new(Attached::named(own)))
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

fn tokio_sleep(duration: Duration) -> Boxed {
    Box::pin(tokio::time::sleep(duration))
}

fn never(_: Duration) -> Boxed {
    Box::pin(pending())
}

/// A future that is ready at its n-th poll.
fn ready_at(polls: usize) -> impl Future<Output = usize> {
    let mut polled = 0;
    poll_fn(move |cx| {
        polled += 1;
        cx.waker().wake_by_ref();
        if polled < polls { Poll::Pending } else { Poll::Ready(polled) }
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_opens_it_while_it_still_runs() {
    let b = slow("fly-slow");
    let mut pass = b.admit().unwrap();
    let mut body = Box::pin(tokio::time::sleep(secs(5)));
    let mut call = Box::pin(pass.watch(body.as_mut(), tokio_sleep));
    assert!(tokio::time::timeout(Duration::from_millis(900), &mut call).await.is_err());
    assert!(b.admit().is_ok());
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut call).await.is_err());
    let generation = breaker("fly-slow").unwrap().snapshot().generation;
    assert_eq!(breaker("fly-slow").unwrap().state(), Open);
    call.as_mut().await;
    drop(call);
    // Counted already: neither its result nor a drop counts again.
    tokio::time::sleep(secs(30)).await;
    pass.failure();
    assert!(b.admit().unwrap().is_probe());
    assert_eq!(breaker("fly-slow").unwrap().snapshot().generation, generation + 1);
}

#[tokio::test(start_paused = true)]
async fn f18_f75_a_black_hole_opens_it_and_a_lost_probe_is_reclaimed() {
    let b = slow("fly-hole");
    // The callers give up after two seconds, before anything answers.
    let call = async || {
        let mut pass = b.admit().ok()?;
        pass.watch(pin!(pending::<()>()), never).await;
        pass.success();
        Some(())
    };
    assert!(tokio::time::timeout(secs(2), call()).await.is_err());
    assert_eq!(breaker("fly-hole").unwrap().state(), Open);
    tokio::time::sleep(secs(30)).await;
    std::mem::forget(b.admit().unwrap());
    assert!(b.admit().is_err());
    // Expired after 30 s, open for 30 more, then a probe again.
    tokio::time::sleep(secs(60)).await;
    b.admit().unwrap().success();
    assert_eq!(breaker("fly-hole").unwrap().state(), Closed);
}

#[test]
fn f15_f70_dropped_at_every_poll_a_probe_is_given_back() {
    const POLLS: usize = 6;
    let scope = testing::scope();
    let b = slow("fly-drop");
    b.admit().unwrap().failure();
    scope.advance(secs(30));
    let handle = breaker("fly-drop").unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    for drop_at in 0..=POLLS {
        let mut call = Box::pin(async {
            let mut pass = b.admit().unwrap();
            pass.watch(pin!(ready_at(POLLS)), never).await;
            pending::<()>().await;
            pass.success();
        });
        for _ in 0..drop_at {
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        let out = usize::from(drop_at > 0);
        if drop_at > 0 {
            assert_eq!(handle.snapshot().probes, out, "before the drop at {drop_at}");
        }
        drop(call);
        if drop_at > 0 {
            assert_eq!((handle.snapshot().probes, handle.state()), (0, HalfOpen), "at {drop_at}");
        }
    }
    b.admit().unwrap().success();
    assert_eq!(handle.state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn f70_to_f74_cancelled_calls_count_nowhere() {
    let b: &'static CircuitBreaker = Box::leak(Box::new(new().failure_threshold(1)));
    // Before the first poll.
    drop(b.call_async(async || Ok::<_, Failed>(())));
    // A timeout of zero.
    let body = async || {
        pending::<()>().await;
        Ok::<_, Failed>(())
    };
    assert!(tokio::time::timeout(Duration::ZERO, b.call_async(body)).await.is_err());
    // Aborted, with a probe in hand.
    b.force_state_at(Open, crate::drivers::clock::now());
    tokio::time::sleep(secs(30)).await;
    let task = tokio::spawn(b.call_async(body));
    tokio::task::yield_now().await;
    assert_eq!((b.state(), b.snapshot().probes), (HalfOpen, 1));
    assert_eq!(b.call_async(body).await, Err(Failed::Rejected));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((b.state(), b.snapshot().probes), (HalfOpen, 0));
    assert_eq!(b.call_async(async || Ok::<_, Failed>(7)).await, Ok(7));
    assert_eq!(b.state(), Closed);
    assert_eq!(b.call_async(async || Err::<(), _>(Failed::Body)).await, Err(Failed::Body));
    assert_eq!(b.state(), Open);
}

#[test]
fn f73_a_runtime_that_shuts_down_gives_its_probes_back() {
    let b: &'static CircuitBreaker = Box::leak(Box::new(new()));
    b.force_state_at(HalfOpen, ms(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (begun, wait) = std::sync::mpsc::channel();
    runtime.spawn(b.call_async(async move || {
        begun.send(()).unwrap();
        pending::<()>().await;
        Ok::<_, Failed>(())
    }));
    wait.recv().unwrap();
    assert_eq!(b.snapshot().probes, 1);
    drop(runtime);
    assert_eq!((b.state(), b.snapshot().probes), (HalfOpen, 0));
}

#[tokio::test(start_paused = true)]
async fn f76_a_panic_of_an_async_body_goes_through_and_counts_nowhere() {
    let b: &'static CircuitBreaker = Box::leak(Box::new(new().failure_threshold(1)));
    let task = tokio::spawn(b.call_async(async || -> Result<(), Failed> { panic!("body") }));
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(b.state(), Closed);
}

#[test]
fn f23_f79_f81_a_panicking_subscriber_keeps_nothing_from_the_others() {
    let b = new().failure_threshold(1).slow_call(secs(1));
    b.subscribe(|_| panic!("hook")).detach();
    let log = recorded(&b);
    let failed = catch_unwind(AssertUnwindSafe(|| run(&b, 0, "F")));
    assert_eq!(failed.unwrap_err().downcast_ref(), Some(&"hook"));
    assert_eq!(*log.lock().unwrap(), [(Closed, Open)]);
    // During the unwinding of another panic it must not abort the process.
    let b = new().failure_threshold(1).slow_call(secs(1));
    b.subscribe(|_| panic!("hook")).detach();
    let scope = testing::scope();
    let body = catch_unwind(AssertUnwindSafe(|| {
        let _permit = b.try_acquire().unwrap();
        scope.advance(secs(2));
        panic!("body");
    }));
    assert_eq!(body.unwrap_err().downcast_ref(), Some(&"body"));
    assert_eq!(b.state(), Open);
}

#[tokio::test]
async fn f20_transitions_are_awaited_once_each_and_in_order() {
    static B: CircuitBreaker = CircuitBreaker::new("fly-stream");
    let mut transitions = B.transitions();
    assert!(transitions.try_next().is_none());
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(transitions.next().await.to);
        }
        seen
    });
    tokio::task::yield_now().await;
    for _ in 0..2 {
        B.force_open();
        B.reset();
    }
    assert_eq!(task.await.unwrap(), [ForcedOpen, Closed, ForcedOpen, Closed]);
    // Who does not keep up has the last ones, and the number of the others.
    let mut late = B.transitions();
    for _ in 0..600 {
        B.force_open();
        B.reset();
    }
    assert_eq!(late.missed(), 1200 - 1024);
    let first = late.next().await.generation;
    assert_eq!(late.next().await.generation, first + 1);
    // Dropped, it listens no more; a cancelled `next` has taken nothing.
    let mut left = B.transitions();
    assert!(tokio::time::timeout(Duration::ZERO, left.next()).await.is_err());
    B.force_open();
    assert_eq!(left.next().await.to, ForcedOpen);
}

#[test]
fn f17_an_open_breaker_calls_no_body_before_its_time() {
    let b = new().failure_threshold(1);
    run(&b, 0, "F");
    for at in (0..30_000).step_by(997) {
        refused(&b, at);
        assert!(b.until_half_open_at(ms(at), 0) > Some(Duration::ZERO));
    }
    assert_eq!(b.until_half_open_at(ms(30_000), 0), None);
    b.force_open();
    assert_eq!(b.until_half_open_at(ms(u64::MAX / 1_000_000), 0), Some(Duration::MAX));
}

#[test]
fn f54_to_f57_jumps_of_the_clock_cost_one_step() {
    const DAY: u64 = 86_400_000;
    let b = new()
        .failure_rate(0.5)
        .window_duration(secs(10))
        .minimum_calls(2)
        .recovery_timeout(secs(5));
    run(&b, 1_000, "FS");
    assert_eq!(run(&b, 30 * DAY, "S"), Closed);
    assert_eq!(b.snapshot_at(ms(30 * DAY)).calls, 1);
    // Ten years idle, then back by a day.
    assert_eq!(run(&b, 3_650 * DAY, "F"), Closed);
    assert_eq!(run(&b, 3_649 * DAY, "F"), Closed, "a day is more than the window");
    assert_eq!(run(&b, 3_650 * DAY, "F"), Open);
    let log = recorded(&b);
    refused(&b, 3_640 * DAY);
    let probe = admit(&b, 10_000 * DAY);
    assert_eq!(log.lock().unwrap().len(), 1);
    std::mem::forget(probe);
    drop(admit(&b, 20_000 * DAY));
    assert_eq!(log.lock().unwrap().len(), 3);
}
