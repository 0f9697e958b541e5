//! An account of one call for a caller who asks: attempts, time slept, every failure's class.

use std::cell::RefCell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::classify::Classification;
use crate::engine::StopReason;
use crate::operation::Operation;
use crate::shard::Watch;

/// What a call took, beside its result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The operation; empty where no annotated function ran.
    pub operation: &'static str,
    /// Calls of the body, the first included.
    pub attempts: u32,
    /// Delays between them, in total.
    pub slept: Duration,
    /// Why the call ended.
    pub reason: StopReason,
    /// What each failed attempt was taken for, in order. Polls are not failures.
    pub failures: Vec<Classification>,
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    /// By the address of the operation, which is a static: its name, never followed.
    failures: Vec<(usize, Classification)>,
    delays: Vec<(usize, Duration)>,
    last: Option<Report>,
}

thread_local! {
    static COLLECTOR: RefCell<Option<Collector>> = const { RefCell::new(None) };
}

struct Collecting {
    outer: Option<Collector>,
    _watch: Watch,
}

impl Collecting {
    fn enter(collector: &Collector) -> Self {
        let outer = COLLECTOR.replace(Some(collector.clone()));
        Self { outer, _watch: Watch::begin() }
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        COLLECTOR.replace(self.outer.take());
    }
}

fn with(use_it: impl FnOnce(&mut Collected)) {
    // A future that a thread-local keeps may be dropped after this one is gone.
    let collector = COLLECTOR.try_with(|collector| collector.borrow().clone());
    if let Ok(Some(collector)) = collector {
        use_it(&mut collector.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

pub(crate) fn failed(operation: &'static Operation, class: Classification) {
    with(|collected| collected.failures.push((std::ptr::from_ref(operation).addr(), class)));
}

pub(crate) fn sleeps(operation: &'static Operation, delay: Duration) {
    with(|collected| collected.delays.push((std::ptr::from_ref(operation).addr(), delay)));
}

pub(crate) fn ended(operation: &'static Operation, reason: StopReason, attempts: u32) {
    with(|collected| {
        let address = std::ptr::from_ref(operation).addr();
        let failures = collected.failures.extract_if(.., |(at, _)| *at == address);
        let failures = failures.map(|(_, class)| class).collect();
        let delays = collected.delays.extract_if(.., |(at, _)| *at == address);
        let slept = delays.fold(Duration::ZERO, |slept, (_, delay)| slept.saturating_add(delay));
        collected.last =
            Some(Report { operation: operation.name, attempts, slept, reason, failures });
    });
}

impl Collector {
    fn report(&self) -> Report {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.last.take().unwrap_or(Report {
            operation: "",
            attempts: 1,
            slept: Duration::ZERO,
            reason: StopReason::Ok,
            failures: Vec::new(),
        })
    }
}

/// Awaits the call of an annotated function and returns its result with a [`Report`].
///
/// The report is of the call that ended last, hence of the outermost one. It costs nothing where it
/// is not used.
///
/// # Cancellation
///
/// Dropping the future drops the call; no report is made.
pub async fn reported<F: Future>(call: F) -> (F::Output, Report) {
    let collector = Collector::default();
    let output = Reported { call: pin!(call), collector: &collector }.await;
    let report = collector.report();
    (output, report)
}

/// [`reported`] for synchronous functions.
///
/// ```
/// let (answer, report) = retry_runtime::reported_sync(|| 42);
/// assert_eq!((answer, report.attempts), (42, 1));
/// ```
pub fn reported_sync<R>(call: impl FnOnce() -> R) -> (R, Report) {
    let collector = Collector::default();
    let collecting = Collecting::enter(&collector);
    let output = call();
    drop(collecting);
    let report = collector.report();
    (output, report)
}

struct Reported<'a, F> {
    call: Pin<&'a mut F>,
    collector: &'a Collector,
}

impl<F: Future> Future for Reported<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _collecting = Collecting::enter(self.collector);
        self.call.as_mut().poll(cx)
    }
}
