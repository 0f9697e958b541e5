//! Functions that return futures, and where futures go: tasks, boxes, themselves.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use steadfast::{AttemptTimeout, retry, testing};

/// Fails twice.
fn third(calls: &AtomicU32) -> io::Result<u32> {
    let call = calls.fetch_add(1, Relaxed) + 1;
    if call < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(call) }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[retry]
fn prologue(calls: &AtomicU32, name: &str) -> impl Future<Output = io::Result<usize>> {
    let length = name.len();
    let prefix = format!("{name}!");
    async move {
        third(calls)?;
        Ok(length + prefix.len())
    }
}

#[retry]
fn prologue_that_returns<'a>(
    calls: &'a AtomicU32,
    name: &str,
) -> impl Future<Output = io::Result<u32>> + Send + use<'a> {
    assert!(!name.is_empty());
    async move { third(calls) }
}

#[retry(budget = none)]
fn chosen(
    calls: &AtomicU32,
    first: bool,
) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
    if first {
        return Box::pin(async { third(calls) });
    }
    Box::pin(std::future::ready(third(calls)))
}

#[retry]
fn boxed_with_prologue<'a>(
    calls: &'a AtomicU32,
    name: &'a str,
) -> Pin<Box<dyn Future<Output = io::Result<usize>> + Send + 'a>> {
    let owned = name.to_owned();
    std::boxed::Box::pin(async move {
        third(calls)?;
        Ok(owned.len())
    })
}

#[retry(attempt_timeout = "1s")]
fn timed(calls: &AtomicU32) -> impl Future<Output = io::Result<u32>> + Send + '_ {
    async move { third(calls) }
}

#[tokio::test]
async fn a_prologue_keeps_its_meaning() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    assert_eq!(is_send(prologue(again(), "ab")).await.unwrap(), 5);
    assert_eq!(is_send(prologue_that_returns(again(), "ab")).await.unwrap(), 3);
    assert_eq!(chosen(again(), true).await.unwrap(), 3);
    assert_eq!(chosen(again(), false).await.unwrap(), 3);
    assert_eq!(boxed_with_prologue(again(), "ab").await.unwrap(), 2);
    assert_eq!(is_send(timed(again())).await.unwrap(), 3);
}

#[retry]
fn boxed_recursion(
    calls: &AtomicU32,
    depth: u32,
) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
    Box::pin(async move {
        if depth == 0 { third(calls) } else { boxed_recursion(calls, depth - 1).await }
    })
}

#[retry]
async fn recursion(calls: &AtomicU32, depth: u32) -> io::Result<u32> {
    if depth == 0 { third(calls) } else { Box::pin(recursion(calls, depth - 1)).await }
}

#[tokio::test]
async fn async_recursion() {
    let scope = testing::scope();
    let calls = AtomicU32::new(0);
    assert_eq!(boxed_recursion(&calls, 3).await.unwrap(), 3);
    let calls = Arc::new(AtomicU32::new(0));
    let task = async move { recursion(&calls, 3).await };
    assert_eq!(tokio::spawn(scope.run(task)).await.unwrap().unwrap(), 3);
}

trait Repository: Send + Sync {
    fn find(&self, id: u32) -> impl Future<Output = io::Result<u32>> + Send;
}

impl Repository for AtomicU32 {
    #[retry]
    async fn find(&self, id: u32) -> io::Result<u32> {
        tokio::task::yield_now().await;
        third(self).map(|_| id)
    }
}

#[retry(deadline = "1h", attempt_timeout = "1m", context = attempt)]
async fn generic<R: Repository + ?Sized, K>(repository: &R, key: &K, ids: &[u32]) -> io::Result<u32>
where
    K: AsRef<str> + Sync + ?Sized,
{
    let mut sum = attempt.number();
    for id in ids {
        sum += repository.find(*id).await?;
    }
    Ok(sum + u32::try_from(key.as_ref().len()).unwrap())
}

#[retry(clone(ids))]
async fn owned<R: Repository>(repository: Arc<R>, mut ids: Vec<u32>) -> io::Result<usize> {
    ids.push(1);
    for id in &ids {
        repository.find(*id).await?;
    }
    Ok(ids.len())
}

#[tokio::test]
async fn borrowed_and_generic_calls_are_send() {
    let scope = testing::scope();
    let repository = Arc::new(AtomicU32::new(0));
    let task = async move {
        let key = String::from("ab");
        let answer = is_send(generic(&*repository, key.as_str(), &[1, 2])).await?;
        let length = is_send(owned(Arc::clone(&repository), vec![1])).await?;
        io::Result::Ok((answer, length))
    };
    // The inner retries heal everything, so that the outer attempt stays the first.
    assert_eq!(tokio::spawn(scope.run(task)).await.unwrap().unwrap(), (1 + 1 + 2 + 2, 2));
}

/// What is not `Send` in the outcome alone does not make the future so.
#[retry]
async fn guarded(calls: &AtomicU32) -> Result<u32, NotSend> {
    Ok(third(calls)?)
}

#[derive(Debug)]
struct NotSend(io::Error, #[allow(dead_code)] std::marker::PhantomData<*const ()>);

impl From<io::Error> for NotSend {
    fn from(error: io::Error) -> Self {
        Self(error, std::marker::PhantomData)
    }
}

impl steadfast::Classify for NotSend {
    fn classify(&self) -> steadfast::Classification {
        self.0.classify()
    }
}

#[tokio::test]
async fn an_error_that_is_not_send_leaves_the_future_send() {
    let _scope = testing::scope();
    assert_eq!(is_send(guarded(&AtomicU32::new(0))).await.unwrap(), 3);
}

#[retry]
async fn local(calls: Rc<Cell<u32>>) -> io::Result<u32> {
    let here = Rc::clone(&calls);
    tokio::task::yield_now().await;
    here.set(here.get() + 1);
    if here.get() < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(here.get()) }
}

#[tokio::test]
async fn a_local_set_takes_what_is_not_send() {
    let scope = testing::scope();
    let set = tokio::task::LocalSet::new();
    let task = set.run_until(async {
        let task = scope.run(local(Rc::default()));
        tokio::task::spawn_local(task).await.unwrap()
    });
    assert_eq!(task.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_uses_up_the_budget_of_its_task_is_cut_off_all_the_same() {
    #[retry(attempt_timeout = "1s", max_attempts = 2, base_delay = "1ms")]
    async fn greedy(turns: &Cell<u32>) -> Result<(), AttemptTimeout> {
        loop {
            turns.set(turns.get() + 1);
            assert!(turns.get() < 100_000, "the timeout never came");
            if turns.get() % 128 == 0 {
                // Time goes by while the body never waits for it.
                let mut advance = std::pin::pin!(tokio::time::advance(Duration::from_millis(100)));
                std::future::poll_fn(|cx| Poll::Ready(advance.as_mut().poll(cx).is_ready())).await;
            }
            tokio::task::coop::consume_budget().await;
        }
    }
    let _scope = testing::scope();
    greedy(&Cell::new(0)).await.unwrap_err();
}
