//! What is left of a call that its caller drops, or (`panics`) that panics: nothing.

mod panics;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::testing::{self, Event, Scope};
use steadfast::{StopReason, retry};

thread_local! {
    /// Timers that have been made and not been dropped.
    static TIMERS: Cell<u32> = const { Cell::new(0) };
    /// Polls of bodies, and bodies begun.
    static POLLS: Cell<u32> = const { Cell::new(0) };
    static BODIES: Cell<u32> = const { Cell::new(0) };
}

/// Is pending for some polls.
struct Turns(u32);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A timer that is known of.
struct Timer(Turns);

fn timer(duration: Duration) -> Timer {
    TIMERS.set(TIMERS.get() + 1);
    Timer(Turns(if duration.as_secs() > 30 { u32::MAX } else { 2 }))
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        TIMERS.set(TIMERS.get() - 1);
    }
}

/// The body of every function here: waits twice, fails.
async fn body() -> io::Result<u32> {
    BODIES.set(BODIES.get() + 1);
    let mut turns = Turns(2);
    std::future::poll_fn(|cx| {
        POLLS.set(POLLS.get() + 1);
        Pin::new(&mut turns).poll(cx)
    })
    .await;
    Err(ErrorKind::TimedOut.into())
}

#[retry(sleep = timer, jitter = "none")]
async fn plain() -> io::Result<u32> {
    body().await
}

#[retry(sleep = timer, jitter = "none", attempt_timeout = "1m")]
async fn with_timeout() -> io::Result<u32> {
    body().await
}

/// Every attempt is cut off by the timer before the body is done.
#[retry(sleep = timer, jitter = "none", attempt_timeout = "1s")]
async fn always_cut() -> io::Result<u32> {
    body().await?;
    Turns(9).await;
    Ok(0)
}

#[retry(sleep = timer, jitter = "none", deadline = "1h")]
async fn with_deadline() -> io::Result<u32> {
    body().await
}

#[retry(sleep = timer, jitter = "none", deadline = "1h", attempt_timeout = "1m", context = attempt)]
async fn with_both() -> io::Result<u32> {
    let _ = attempt.number();
    body().await
}

#[retry(sleep = timer, jitter = "none")]
fn boxed() -> Pin<Box<dyn Future<Output = io::Result<u32>>>> {
    Box::pin(async move { body().await })
}

#[retry(sleep = timer, jitter = "none")]
fn delegated() -> impl Future<Output = io::Result<u32>> {
    body()
}

fn ends(scope: &Scope) -> Vec<(StopReason, u32)> {
    scope
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Ended { reason, attempts, .. } => Some((reason, attempts)),
            _ => None,
        })
        .collect()
}

/// Polls up to `polls` times; whether it was ready.
fn poll<F: Future + ?Sized>(future: Pin<&mut F>, polls: u32) -> bool {
    let mut future = future;
    let mut cx = Context::from_waker(Waker::noop());
    (0..polls).any(|_| future.as_mut().poll(&mut cx).is_ready())
}

/// Drops the future after every possible number of polls.
fn drop_everywhere<F: Future>(name: &str, call: impl Fn() -> F) {
    for polls in 0..1000 {
        let scope = testing::scope();
        BODIES.set(0);
        let ready = {
            let mut future = pin!(call());
            poll(future.as_mut(), polls)
        };
        let (seen, begun) = (POLLS.get(), BODIES.get());
        assert_eq!(TIMERS.get(), 0, "{name}: a timer outlived {polls} polls");
        let expected = match (polls, ready) {
            (0, _) => vec![],
            (_, true) => vec![(StopReason::Exhausted, 3)],
            (_, false) => vec![(StopReason::Cancelled, begun)],
        };
        assert_eq!(ends(&scope), expected, "{name}: dropped after {polls} polls");
        // Whoever still held a waker could call it now: nobody polls the body.
        assert_eq!((POLLS.get(), BODIES.get()), (seen, begun));
        if ready {
            assert!(polls > 8, "{name} waits at least twice an attempt and a sleep");
            return;
        }
    }
    panic!("{name} never ended");
}

#[test]
fn a_future_dropped_at_any_poll_leaves_nothing_behind() {
    drop_everywhere("plain", plain);
    drop_everywhere("with_timeout", with_timeout);
    drop_everywhere("always_cut", always_cut);
    drop_everywhere("with_deadline", with_deadline);
    drop_everywhere("with_both", with_both);
    drop_everywhere("boxed", boxed);
    drop_everywhere("delegated", delegated);
}

#[test]
fn a_call_dropped_in_a_nested_attempt_ends_both_calls() {
    #[retry(sleep = timer)]
    async fn outer() -> io::Result<u32> {
        plain().await
    }
    let scope = testing::scope();
    poll(pin!(outer()).as_mut(), 1);
    assert_eq!(ends(&scope), [(StopReason::Cancelled, 1), (StopReason::Cancelled, 1)]);
    assert_eq!(TIMERS.get(), 0);
}

/// The tokio timer of a sleep or a limit goes with the future.
#[tokio::test(start_paused = true)]
async fn an_aborted_task_lets_the_clock_stand() {
    #[retry(base_delay = "40s", jitter = "none", attempt_timeout = "50s")]
    async fn call() -> io::Result<u32> {
        tokio::task::yield_now().await;
        Err(ErrorKind::TimedOut.into())
    }
    let begin = tokio::time::Instant::now();
    let task = tokio::spawn(call());
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
}

#[retry(sleep = timer, attempt_timeout = "1m")]
async fn hangs() -> io::Result<u32> {
    std::future::pending().await
}

/// A task of a scope that is aborted, or whose runtime shuts down, ends in the scope.
#[test]
fn an_aborted_task_is_counted_in_its_scope() {
    let scope = testing::scope();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (first, second) = (scope.run(hangs()), scope.run(hangs()));
    runtime.block_on(async {
        let first = tokio::spawn(first);
        tokio::spawn(second);
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
    });
    assert_eq!(ends(&scope), [(StopReason::Cancelled, 1)]);
    let handle = scope.handle();
    std::thread::spawn(move || drop(runtime)).join().unwrap();
    drop(handle);
    assert_eq!(ends(&scope), [(StopReason::Cancelled, 1); 2]);
}

/// Symptom: an abort of the process, because the thread's own variables were already gone.
#[test]
fn a_future_that_a_thread_local_keeps_may_be_the_last_to_go() {
    thread_local!(static KEPT: RefCell<Option<Pin<Box<dyn Future<Output = io::Result<u32>>>>>> =
        const { RefCell::new(None) });
    let thread = std::thread::spawn(|| {
        // Variables of a thread go in the opposite order of their first use.
        KEPT.with_borrow(|_| {});
        let scope = testing::scope();
        drop(scope);
        let mut future: Pin<Box<dyn Future<Output = _>>> =
            Box::pin(async { steadfast::reported(with_default_timer()).await.0 });
        poll(future.as_mut(), 1);
        KEPT.set(Some(future));
    });
    thread.join().unwrap();
}

#[retry]
async fn with_default_timer() -> io::Result<u32> {
    body().await
}

#[retry(context = attempt)]
fn asks(remaining: &mut Option<Option<Duration>>) -> io::Result<()> {
    *remaining = Some(attempt.remaining());
    Err(ErrorKind::TimedOut.into())
}

/// No mark and no deadline of an earlier call is on this thread.
fn assert_clean(scope: &Scope) {
    let before = scope.events().len();
    let mut remaining = None;
    asks(&mut remaining).unwrap_err();
    assert_eq!(remaining, Some(None), "a deadline was left behind");
    assert_eq!(scope.events().len() - before, 3, "a mark was left behind: {scope:?}");
}

#[retry(budget = none)]
async fn inner(calls: &Cell<u32>) -> io::Result<()> {
    Turns(1).await;
    calls.set(calls.get() + 1);
    Err(ErrorKind::TimedOut.into())
}

/// The mark of an attempt is there while its body is polled, and only then.
#[tokio::test]
async fn the_mark_of_a_retry_does_not_reach_the_branches_beside_it() {
    #[retry(deadline = "1h")]
    async fn outer(calls: &Cell<u32>, beside: &Cell<u32>) -> io::Result<()> {
        tokio::join!(inner(calls), inner(beside)).0
    }
    #[retry(context = attempt)]
    async fn asks(calls: &Cell<u32>) -> io::Result<()> {
        Turns(3).await;
        assert_eq!(attempt.remaining(), None);
        inner(calls).await
    }
    let scope = testing::scope();
    let (first, second, third) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let _ = tokio::join!(outer(&first, &second), asks(&third));
    assert_eq!((first.get(), second.get(), third.get()), (5, 5, 5), "3 + 1 + 1 each");
    assert_clean(&scope);
}

#[tokio::test]
async fn a_branch_that_loses_a_select_leaves_no_mark() {
    #[retry(deadline = "1h")]
    async fn outer(calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        if calls.get() == 2 {
            std::future::pending::<()>().await;
        }
        Err(ErrorKind::TimedOut.into())
    }
    let scope = testing::scope();
    let calls = Cell::new(0);
    tokio::select! {
        biased;
        _ = outer(&calls) => panic!("it never ends"),
        () = Turns(2) => {}
    }
    assert_eq!(calls.get(), 2);
    assert_clean(&scope);
    assert_eq!(ends(&scope)[0], (StopReason::Cancelled, 2));
}
