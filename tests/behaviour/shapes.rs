//! Every shape of function.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use steadfast::{retry, testing};

/// Fails twice.
fn third(calls: &AtomicU32) -> io::Result<u32> {
    let call = calls.fetch_add(1, Relaxed) + 1;
    if call < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(call) }
}

#[derive(Default)]
struct Client {
    calls: AtomicU32,
    log: Vec<u32>,
}

impl Client {
    #[retry]
    fn shared(&self) -> io::Result<u32> {
        third(&self.calls)
    }

    #[retry]
    async fn shared_async(&self) -> io::Result<u32> {
        third(&self.calls)
    }

    #[retry]
    fn exclusive(&mut self) -> io::Result<u32> {
        self.log.push(1);
        third(&self.calls)
    }

    #[retry]
    async fn exclusive_async(&mut self) -> io::Result<u32> {
        self.log.push(1);
        tokio::task::yield_now().await;
        third(&self.calls)
    }

    #[retry]
    fn owned(self) -> io::Result<u32> {
        third(&self.calls)
    }

    #[retry]
    async fn counted(self: Arc<Self>) -> io::Result<u32> {
        third(&self.calls)
    }

    #[retry]
    fn pinned(mut self: Pin<&mut Self>) -> io::Result<u32> {
        self.as_mut().get_mut().log.push(2);
        third(&self.calls)
    }

    #[retry(base_delay = Self::DELAY)]
    fn configured(&self) -> io::Result<u32> {
        third(&self.calls)
    }

    const DELAY: std::time::Duration = std::time::Duration::from_millis(3);

    #[retry]
    fn future(&self) -> impl Future<Output = io::Result<u32>> + '_ {
        async move { third(&self.calls) }
    }

    #[retry]
    fn delegated(&self) -> impl Future<Output = io::Result<u32>> + '_ {
        self.plain()
    }

    async fn plain(&self) -> io::Result<u32> {
        third(&self.calls)
    }

    #[retry]
    fn boxed(&self) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
        Box::pin(async move { third(&self.calls) })
    }

    #[retry]
    fn boxed_elsewhere(&self) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send + '_>> {
        let future = self.plain();
        Box::pin(future)
    }
}

#[tokio::test]
async fn every_receiver() {
    let _scope = testing::scope();
    assert_eq!(Client::default().shared().unwrap(), 3);
    assert_eq!(Client::default().shared_async().await.unwrap(), 3);
    let mut client = Client::default();
    assert_eq!(client.exclusive().unwrap(), 3);
    assert_eq!(client.log.len(), 3);
    let mut client = Client::default();
    assert_eq!(client.exclusive_async().await.unwrap(), 3);
    assert_eq!(Client::default().owned().unwrap(), 3);
    assert_eq!(Arc::new(Client::default()).counted().await.unwrap(), 3);
    let mut client = Client::default();
    assert_eq!(Pin::new(&mut client).pinned().unwrap(), 3);
    assert_eq!(Client::default().configured().unwrap(), 3);
}

#[tokio::test]
async fn functions_that_return_futures() {
    let _scope = testing::scope();
    assert_eq!(Client::default().future().await.unwrap(), 3);
    assert_eq!(Client::default().delegated().await.unwrap(), 3);
    assert_eq!(Client::default().boxed().await.unwrap(), 3);
    assert_eq!(Client::default().boxed_elsewhere().await.unwrap(), 3);
}

trait Service {
    fn calls(&self) -> &AtomicU32;

    #[retry]
    fn provided(&self) -> io::Result<u32> {
        third(self.calls())
    }
}

impl Service for Client {
    fn calls(&self) -> &AtomicU32 {
        &self.calls
    }
}

#[async_trait::async_trait]
trait Remote {
    async fn fetch(&self, path: &str) -> io::Result<u32>;
}

#[async_trait::async_trait]
impl Remote for Client {
    #[retry]
    async fn fetch(&self, path: &str) -> io::Result<u32> {
        assert_eq!(path, "/");
        third(&self.calls)
    }
}

#[tokio::test]
async fn methods_of_traits() {
    let _scope = testing::scope();
    assert_eq!(Client::default().provided().unwrap(), 3);
    let remote: Box<dyn Remote + Send + Sync> = Box::new(Client::default());
    assert_eq!(remote.fetch("/").await.unwrap(), 3);
}

#[retry(clone(name))]
fn consumes(calls: &AtomicU32, name: String) -> io::Result<String> {
    third(calls)?;
    Ok(name)
}

#[retry]
fn changes(
    calls: &AtomicU32,
    mut n: u32,
    (mut a, b): (u32, u32),
    out: &mut Vec<u32>,
) -> io::Result<u32> {
    n += 1;
    a += b;
    out.push(a);
    third(calls)?;
    Ok(n + a)
}

#[retry]
fn iterates<'a>(calls: &AtomicU32, items: &'a [u32]) -> io::Result<impl Iterator<Item = &'a u32>> {
    third(calls)?;
    Ok(items.iter())
}

#[retry]
async fn generic<T: AsRef<str> + Sync, const N: usize>(
    calls: &AtomicU32,
    name: &T,
    _: [u8; N],
) -> io::Result<usize> {
    third(calls)?;
    Ok(name.as_ref().len() + N)
}

#[retry]
fn absent(calls: &AtomicU32) -> Option<u32> {
    third(calls).ok()
}

#[retry(on = [io::Error])]
fn boxed_error(calls: &AtomicU32) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Ok(third(calls)?)
}

#[retry(on = [io::ErrorKind::TimedOut])]
async fn any_error(calls: &AtomicU32) -> anyhow::Result<u32> {
    Ok(third(calls)?)
}

#[retry]
async fn recursive(calls: &AtomicU32, depth: u32) -> io::Result<u32> {
    if depth > 0 { Box::pin(recursive(calls, depth - 1)).await } else { third(calls) }
}

#[tokio::test]
async fn arguments_and_results() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    assert_eq!(consumes(again(), "x".into()).unwrap(), "x");
    let mut out = Vec::new();
    assert_eq!(changes(again(), 1, (2, 3), &mut out).unwrap(), 7);
    assert_eq!(out, [5, 5, 5], "`mut` arguments start every attempt fresh");
    assert_eq!(iterates(again(), &[1, 2]).unwrap().count(), 2);
    assert_eq!(generic(again(), &"abc", [0; 4]).await.unwrap(), 7);
    assert_eq!(absent(again()), Some(3));
    assert_eq!(boxed_error(again()).unwrap(), 3);
    assert_eq!(any_error(again()).await.unwrap(), 3);
    assert_eq!(recursive(again(), 2).await.unwrap(), 3);
}

#[tokio::test]
async fn borrowed_and_generic_calls_can_be_spawned() {
    let scope = testing::scope();
    let client = Arc::new(Client::default());
    let task = {
        let client = Arc::clone(&client);
        async move {
            client.shared_async().await?;
            generic(&client.calls, &String::from("x"), [0; 1]).await
        }
    };
    assert_eq!(tokio::spawn(scope.run(task)).await.unwrap().unwrap(), 2);
}
