//! The one thread that the library owns: it keeps time where no runtime does, renews the claims of
//! synchronous calls, and finishes what a call could not wait for. It is started at first use.
//!
//! A synchronous call polls its store inside this runtime: what the store arms or opens is driven
//! here, so that the thread of the caller can block, even one of another runtime.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::store::{Claim, IdempotencyStore, Written};
use super::wait::bounded;
use crate::drivers::sleep::{self, Sleep};
use crate::testing;

/// The runtime of the thread.
///
/// # Panics
///
/// When the operating system has no thread to give.
pub(super) fn handle() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the library's runtime could not be built");
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("steadfast".to_owned())
            .spawn(move || runtime.block_on(renew_what_is_due()))
            .expect("the library's thread could not be started");
        handle
    })
}

/// Where work that outlives its call goes: the runtime at hand, else the library's.
pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(work)),
        Err(_) => drop(handle().spawn(work)),
    }
}

/// A timer that runs anywhere: on the installed one, the runtime's at hand, or the library's.
pub(super) fn timer(duration: Duration) -> Sleep {
    if sleep::is_installed() || Handle::try_current().is_ok() {
        return sleep::timer(duration);
    }
    let _inside = handle().enter();
    sleep::timer(duration)
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread, or on another one where this belongs to a runtime: what a task
/// puts off until its scheduler comes round would never be woken while the scheduler is blocked.
pub(super) fn block_on<F>(future: F) -> F::Output
where
    F: Future<Output: Send> + Send,
{
    // The budget of a task around this call would run out, and never come back while it blocks.
    let mut future = pin!(tokio::task::unconstrained(future));
    let scheduled = Handle::try_current().is_ok();
    let polled = {
        let _inside = handle().enter();
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    };
    // A store in memory has answered: nobody has to be woken.
    if let Poll::Ready(output) = polled {
        return output;
    }
    if !scheduled {
        return park(future);
    }
    let (span, scope) = (tracing::Span::current(), testing::current());
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let waited = thread::scope(|threads| {
        let waiting = threads.spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let _span = span.enter();
                match scope {
                    Some(scope) => scope.enter(|| park(future)),
                    None => park(future),
                }
            })
        });
        waiting.join()
    });
    waited.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn park<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let _inside = handle().enter();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The renewal of a synchronous call's claim, as long as the call holds it.
pub(super) struct Renewed {
    job: Arc<Job>,
}

struct Job {
    store: Arc<dyn IdempotencyStore>,
    key: Arc<str>,
    claim: Claim,
    lease: Duration,
    state: Mutex<JobState>,
}

#[derive(Default)]
struct JobState {
    stopped: bool,
    /// Where it waits among the jobs.
    due: Option<(Instant, u64)>,
}

#[derive(Default)]
struct Jobs {
    waiting: BTreeMap<(Instant, u64), Arc<Job>>,
    next: u64,
    /// When the thread looks again by itself.
    looks: Option<Instant>,
}

static JOBS: Mutex<Jobs> = Mutex::new(Jobs { waiting: BTreeMap::new(), next: 0, looks: None });
static EARLIER: Notify = Notify::const_new();

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Renews a claim on the library's thread until the guard is dropped.
pub(super) fn renew(
    store: Arc<dyn IdempotencyStore>,
    key: Arc<str>,
    claim: Claim,
    lease: Duration,
) -> Renewed {
    handle();
    let job = Arc::new(Job { store, key, claim, lease, state: Mutex::default() });
    schedule(&job, lease / 3);
    Renewed { job }
}

impl Drop for Renewed {
    fn drop(&mut self) {
        let mut state = lock(&self.job.state);
        state.stopped = true;
        if let Some(due) = state.due.take() {
            lock(&JOBS).waiting.remove(&due);
        }
    }
}

fn schedule(job: &Arc<Job>, after: Duration) {
    let at = Instant::now() + after.min(Duration::from_secs(24 * 60 * 60));
    let mut state = lock(&job.state);
    if state.stopped {
        return;
    }
    let mut jobs = lock(&JOBS);
    jobs.next += 1;
    let due = (at, jobs.next);
    jobs.waiting.insert(due, Arc::clone(job));
    state.due = Some(due);
    // Calls of one kind come in the order of their leases, so the thread is rarely woken for one.
    let wake = jobs.looks.is_none_or(|looks| at < looks);
    if wake {
        jobs.looks = Some(at);
    }
    drop(jobs);
    if wake {
        EARLIER.notify_one();
    }
}

async fn renew_what_is_due() {
    loop {
        let now = Instant::now();
        let (due, next) = {
            let mut jobs = lock(&JOBS);
            let later = jobs.waiting.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut jobs.waiting, later);
            jobs.looks = jobs.waiting.keys().next().map(|(at, _)| *at);
            (due, jobs.looks)
        };
        for job in due.into_values() {
            lock(&job.state).due = None;
            drop(tokio::spawn(renew_once(job)));
        }
        match next {
            Some(at) => {
                // Whichever comes first: the time, or a job that is due before it.
                let _ = tokio::time::timeout_at(at.into(), EARLIER.notified()).await;
            }
            None => EARLIER.notified().await,
        }
    }
}

async fn renew_once(job: Arc<Job>) {
    if lock(&job.state).stopped {
        return;
    }
    let limit = super::wait::store_limit(job.lease);
    let answer = bounded(limit, job.store.renew(&job.key, job.claim, job.lease)).await;
    match answer {
        Ok(Written::Made) => schedule(&job, job.lease / 3),
        // The end of the call finds it out.
        Ok(Written::Lost { .. }) => {}
        Err(_) => schedule(&job, job.lease / 12),
    }
}
