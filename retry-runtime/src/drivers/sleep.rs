//! Sleeping: a blocked thread, tokio's timer, or the timer that the process installed.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

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

pin_project! {
    /// The delay before an attempt, on the installed timer, else on tokio's.
    ///
    /// The timer stands in the future itself, since so many tasks may wait at the same time, and is
    /// made when it is first polled. A zero delay makes none: the shortest sleep of a timer costs a
    /// millisecond.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Delay {
        #[pin]
        stage: Stage,
    }
}

pin_project! {
    #[project = Projected]
    enum Stage {
        Unarmed { duration: Duration },
        Boxed { timer: BoxSleep },
        Tokio { #[pin] timer: Timer },
    }
}

/// tokio's timer.
#[cfg(feature = "tokio")]
type Timer = tokio::time::Sleep;
/// Never made.
#[cfg(not(feature = "tokio"))]
type Timer = std::future::Pending<()>;

/// Whether there is anything to wait for. By value: what was borrowed is kept in the future.
#[inline]
#[must_use]
pub const fn waits(duration: Duration) -> bool {
    !duration.is_zero()
}

/// Waits for `duration`.
#[inline]
pub const fn delay(duration: Duration) -> Delay {
    Delay { stage: Stage::Unarmed { duration } }
}

impl Future for Delay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut stage = self.project().stage;
        if let Projected::Unarmed { duration } = stage.as_mut().project() {
            let duration = *duration;
            if duration.is_zero() || testing::skip_sleep(duration) {
                return Poll::Ready(());
            }
            stage.set(Stage::armed(duration));
        }
        match stage.project() {
            Projected::Unarmed { .. } => Poll::Ready(()),
            Projected::Boxed { timer } => timer.as_mut().poll(cx),
            Projected::Tokio { timer } => timer.poll(cx),
        }
    }
}

impl Stage {
    fn armed(duration: Duration) -> Self {
        if let Some(timer) = TIMER.get() {
            return Self::Boxed { timer: timer(duration) };
        }
        #[cfg(feature = "tokio")]
        return Self::Tokio { timer: tokio::time::sleep(duration) };
        #[cfg(not(feature = "tokio"))]
        no_timer()
    }
}

impl std::fmt::Debug for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delay").finish_non_exhaustive()
    }
}

#[cfg(not(feature = "tokio"))]
#[cold]
fn no_timer() -> ! {
    panic!("no timer to sleep on: call `steadfast::set_timer`, or enable the feature `tokio`")
}

/// A timer that can be moved, for what ends an attempt. No test scope skips it: it is not a delay.
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep(Kind);

enum Kind {
    Boxed(BoxSleep),
    #[cfg(feature = "tokio")]
    Tokio(Pin<Box<tokio::task::Unconstrained<tokio::time::Sleep>>>),
}

/// Sleeps for `duration` on the installed timer, else on tokio's.
///
/// # Panics
///
/// Without the feature `tokio`, when no timer is installed.
pub fn timer(duration: Duration) -> Sleep {
    if let Some(timer) = TIMER.get() {
        return Sleep(Kind::Boxed(timer(duration)));
    }
    #[cfg(feature = "tokio")]
    {
        // A body that has used up the task's cooperative budget at every poll would leave nothing
        // for its own timeout, which then never came.
        Sleep(Kind::Tokio(Box::pin(tokio::task::unconstrained(tokio::time::sleep(duration)))))
    }
    #[cfg(not(feature = "tokio"))]
    no_timer()
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Kind::Boxed(sleep) => sleep.as_mut().poll(cx),
            #[cfg(feature = "tokio")]
            Kind::Tokio(sleep) => sleep.as_mut().poll(cx),
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
