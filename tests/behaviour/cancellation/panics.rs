//! A panic in a body, a hook, a classifier or an error's text goes through unchanged.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use steadfast::testing;
use steadfast::{Classification, RetryEvent, StopReason, retry};

use super::{TIMERS, Turns, assert_clean, ends, timer};

fn payload(panic: Box<dyn Any + Send>) -> u32 {
    *panic.downcast::<u32>().expect("the payload is the one that was thrown")
}

/// Without the noise of the panic hook.
fn throw(number: u32) -> ! {
    resume_unwind(Box::new(number))
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

/// Where a function throws, in its second attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Nowhere,
    Body,
    Hook,
    Classifier,
    Text,
}

struct Thrower(Place);

impl std::fmt::Display for Thrower {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == Place::Text { throw(7) } else { Ok(()) }
    }
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Nowhere) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn fails() -> Result<u32, Thrower> {
    CALLS.set(CALLS.get() + 1);
    if PLACE.get() == Place::Body && CALLS.get() == 2 {
        throw(7);
    }
    Err(Thrower(PLACE.get()))
}

fn hook(event: &RetryEvent<'_>) {
    if PLACE.get() == Place::Hook && event.attempt == 2 {
        throw(7);
    }
    if let Some(text) = event.error {
        if event.attempt == 2 {
            let _ = text.to_string();
        }
    }
}

fn classifier(_: &Thrower) -> Classification {
    if PLACE.get() == Place::Classifier && CALLS.get() == 2 {
        throw(7);
    }
    Classification::retryable()
}

#[retry(max_attempts = 4, classify = classifier, on_retry = hook)]
fn thrown() -> Result<u32, Thrower> {
    fails()
}

#[retry(max_attempts = 4, classify = classifier, on_retry = hook, deadline = "1h")]
fn thrown_with_deadline() -> Result<u32, Thrower> {
    fails()
}

#[retry(max_attempts = 4, classify = classifier, on_retry = hook)]
async fn thrown_async() -> Result<u32, Thrower> {
    Turns(1).await;
    fails()
}

#[retry(
    max_attempts = 4,
    classify = classifier,
    on_retry = hook,
    deadline = "1h",
    sleep = timer,
    map_timeout = |_| Thrower(Place::Nowhere)
)]
async fn thrown_async_with_deadline() -> Result<u32, Thrower> {
    Turns(1).await;
    fails()
}

#[test]
fn a_panic_goes_through_unchanged_and_poisons_nothing() {
    let calls: [(&str, fn() -> Result<u32, Thrower>); 4] = [
        ("sync", thrown),
        ("sync with deadline", thrown_with_deadline),
        ("async", || block_on(thrown_async())),
        ("async with deadline", || block_on(thrown_async_with_deadline())),
    ];
    for (name, call) in calls {
        for place in [Place::Body, Place::Hook, Place::Classifier, Place::Text] {
            let scope = testing::scope();
            PLACE.set(place);
            CALLS.set(0);
            let panic = catch_unwind(AssertUnwindSafe(call)).map(drop).unwrap_err();
            assert_eq!(payload(panic), 7, "{name}, {place:?}");
            assert_eq!(CALLS.get(), 2, "{name}, {place:?}");
            assert_eq!(ends(&scope), [(StopReason::Cancelled, 2)], "{name}, {place:?}");
            assert_eq!(TIMERS.get(), 0, "{name}, {place:?}");
            assert_clean(&scope);
            // The function itself is as good as before.
            drop(scope);
            let _scope = testing::scope();
            PLACE.set(Place::Nowhere);
            CALLS.set(0);
            let _ = call();
            assert_eq!(CALLS.get(), 4, "{name} after {place:?}");
        }
    }
}

#[test]
fn a_panic_in_an_inner_call_of_a_retry_leaves_no_mark() {
    #[retry(deadline = "1h")]
    fn outer(calls: &Cell<u32>) -> io::Result<()> {
        inner(calls)
    }
    #[retry]
    fn inner(calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        if calls.get() == 4 {
            throw(8);
        }
        Err(ErrorKind::TimedOut.into())
    }
    let scope = testing::scope();
    let panic = catch_unwind(AssertUnwindSafe(|| outer(&Cell::new(0)))).map(drop).unwrap_err();
    assert_eq!(payload(panic), 8);
    assert_clean(&scope);
}
