//! Every shape of function: receivers and functions that return futures here, the rest below.

mod arguments;
mod instantiated;
mod lifetimes;
mod results;
mod traits;

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
