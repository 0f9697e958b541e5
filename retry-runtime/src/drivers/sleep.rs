//! Sleeping: a blocked thread, tokio's timer, or the timer that the process installed.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::testing;

/// A sleep in a box, as [`set_timer`] takes it.
pub type BoxSleep = Pin<Box<dyn Future<Output = ()> + Send>>;

static TIMER: OnceLock<fn(Duration) -> BoxSleep> = OnceLock::new();

/// Installs the timer that async functions of this process sleep with, for runtimes other than
/// tokio. A single function says `sleep = path` instead.
///
/// ```
/// use std::time::Duration;
///
/// fn instant(_: Duration) -> retry_runtime::BoxSleep {
///     Box::pin(std::future::ready(())) // a real one waits
/// }
///
/// assert!(retry_runtime::set_timer(instant).is_ok());
/// assert!(retry_runtime::set_timer(instant).is_err(), "there is one timer");
/// ```
///
/// # Errors
///
/// Gives the timer back when one is installed already.
pub fn set_timer(timer: fn(Duration) -> BoxSleep) -> Result<(), fn(Duration) -> BoxSleep> {
    TIMER.set(timer)
}

/// Whether the process has installed a timer of its own.
#[cfg(feature = "idempotent")]
pub(crate) fn is_installed() -> bool {
    TIMER.get().is_some()
}

/// A sleep that is only allocated when there is something to wait for.
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep(Timer);

enum Timer {
    Over,
    Boxed(BoxSleep),
    #[cfg(feature = "tokio")]
    Tokio(Pin<Box<tokio::task::Unconstrained<tokio::time::Sleep>>>),
}

/// Sleeps for `duration` on the installed timer, else on tokio's. A zero duration skips the timer,
/// since the shortest sleep of one costs a millisecond.
pub fn sleep(duration: Duration) -> Sleep {
    if duration.is_zero() || testing::skip_sleep(duration) {
        Sleep(Timer::Over)
    } else {
        timer(duration)
    }
}

/// A timer that no test scope skips: what ends an attempt is not a delay.
///
/// # Panics
///
/// Without the feature `tokio`, when no timer is installed.
pub fn timer(duration: Duration) -> Sleep {
    if let Some(timer) = TIMER.get() {
        return Sleep(Timer::Boxed(timer(duration)));
    }
    #[cfg(feature = "tokio")]
    {
        // A body that has used up the task's cooperative budget at every poll would leave nothing
        // for its own timeout, which then never came.
        Sleep(Timer::Tokio(Box::pin(tokio::task::unconstrained(tokio::time::sleep(duration)))))
    }
    #[cfg(not(feature = "tokio"))]
    panic!("no timer to sleep on: call `steadfast::set_timer`, or enable the feature `tokio`")
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Timer::Over => Poll::Ready(()),
            Timer::Boxed(sleep) => sleep.as_mut().poll(cx),
            #[cfg(feature = "tokio")]
            Timer::Tokio(sleep) => sleep.as_mut().poll(cx),
        }
    }
}

/// Blocks the thread for `duration`. On a worker thread of a runtime that stalls other tasks, which
/// is said once.
pub(crate) fn block(duration: Duration) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if duration.is_zero() || testing::skip_sleep(duration) {
        return;
    }
    if !WARNED.load(Relaxed) && on_async_worker() && !WARNED.swap(true, Relaxed) {
        tracing::warn!(
            target: "steadfast::retry",
            "a blocking retry sleeps on an async worker thread and stalls its other tasks; \
             annotate an `async fn` instead, or call it in `spawn_blocking`"
        );
    }
    std::thread::sleep(duration);
}

/// Whether the current thread is polling a task.
///
/// A runtime handle is at hand in `spawn_blocking`, too, where blocking is right; what a polled task
/// alone has is a finite cooperative budget. It is drawn on until it refuses, and every unit goes
/// back when its guard drops.
#[cfg(feature = "tokio")]
fn on_async_worker() -> bool {
    const MORE_THAN_A_BUDGET: usize = 256;
    if tokio::runtime::Handle::try_current().is_err() {
        return false;
    }
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut units = Vec::with_capacity(MORE_THAN_A_BUDGET);
    let mut finite = false;
    for _ in 0..MORE_THAN_A_BUDGET {
        match tokio::task::coop::poll_proceed(&mut cx) {
            Poll::Ready(unit) => units.push(unit),
            Poll::Pending => {
                finite = true;
                break;
            }
        }
    }
    // Each guard restores what it found, so the first one goes last.
    while units.pop().is_some() {}
    finite
}

#[cfg(not(feature = "tokio"))]
fn on_async_worker() -> bool {
    false
}
