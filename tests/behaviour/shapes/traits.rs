//! Methods of traits: with a default body, generic, `async`, under `#[async_trait]`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use steadfast::{retry, testing};

use super::{Client, third};

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
    assert_eq!(Service::provided(&Client::default()).unwrap(), 3);
    let remote: Box<dyn Remote + Send + Sync> = Box::new(Client::default());
    assert_eq!(remote.fetch("/").await.unwrap(), 3);
}

trait Generic<T: Clone + Send + Sync> {
    fn calls(&self) -> &AtomicU32;

    #[retry]
    fn echo<U: AsRef<str>>(&self, value: &T, name: &U) -> io::Result<(T, usize)> {
        third(self.calls())?;
        Ok((value.clone(), name.as_ref().len()))
    }

    #[retry]
    fn sized(self: &Arc<Self>) -> io::Result<u32>
    where
        Self: Sized,
    {
        third(self.calls())
    }
}

impl<T: Clone + Send + Sync> Generic<T> for Client {
    fn calls(&self) -> &AtomicU32 {
        &self.calls
    }
}

#[allow(async_fn_in_trait, reason = "the shape under test")]
trait AsyncInTrait {
    fn calls(&self) -> &AtomicU32;

    #[retry]
    async fn provided(&self, name: &str) -> io::Result<usize> {
        third(self.calls())?;
        Ok(name.len())
    }

    #[retry]
    fn desugared(&self) -> impl Future<Output = io::Result<u32>> + Send
    where
        Self: Sync,
    {
        async { third(self.calls()) }
    }

    async fn required(&mut self, n: u32) -> io::Result<u32>;
}

impl AsyncInTrait for Client {
    fn calls(&self) -> &AtomicU32 {
        &self.calls
    }

    #[retry]
    async fn required(&mut self, mut n: u32) -> io::Result<u32> {
        n += 1;
        self.log.push(n);
        third(&self.calls)?;
        Ok(n)
    }
}

#[tokio::test]
async fn generic_and_async_methods_of_traits() {
    let _scope = testing::scope();
    assert_eq!(Client::default().echo(&1, &"abc").unwrap(), (1, 3));
    assert_eq!(Generic::<u8>::sized(&Arc::new(Client::default())).unwrap(), 3);
    assert_eq!(AsyncInTrait::provided(&Client::default(), "abc").await.unwrap(), 3);
    assert_eq!(Client::default().desugared().await.unwrap(), 3);
    let mut client = Client::default();
    assert_eq!(client.required(1).await.unwrap(), 2);
    assert_eq!(client.log, [2, 2, 2]);
}

#[async_trait::async_trait]
trait Store<K: Send + Sync + 'static> {
    fn calls(&self) -> &AtomicU32;

    #[retry]
    async fn provided(&self, key: &K) -> io::Result<u32> {
        let _ = key;
        third(self.calls())
    }

    async fn get<V>(&mut self, key: K, n: u32, values: &mut Vec<V>) -> io::Result<u32>
    where
        V: Send + From<u32>;

    async fn no_receiver(calls: Arc<AtomicU32>, pair: (u32, u32)) -> Option<u32>
    where
        Self: Sized;
}

#[async_trait::async_trait]
impl<K: Send + Sync + 'static> Store<K> for Client {
    fn calls(&self) -> &AtomicU32 {
        &self.calls
    }

    #[retry(max_attempts = 4, base_delay = Self::DELAY)]
    async fn get<V>(&mut self, key: K, mut n: u32, values: &mut Vec<V>) -> io::Result<u32>
    where
        V: Send + From<u32>,
    {
        n += 1;
        let _ = &key;
        values.push(V::from(n));
        tokio::task::yield_now().await;
        self.log.push(n);
        third(&self.calls)?;
        Ok(n)
    }

    #[retry]
    async fn no_receiver(calls: Arc<AtomicU32>, (a, mut b): (u32, u32)) -> Option<u32> {
        b += a;
        third(&calls).ok()?;
        Some(b)
    }
}

#[async_trait::async_trait(?Send)]
trait Local {
    async fn local(&self, name: std::rc::Rc<str>) -> io::Result<usize>;
}

#[async_trait::async_trait(?Send)]
impl Local for Client {
    #[retry]
    async fn local(&self, name: std::rc::Rc<str>) -> io::Result<usize> {
        tokio::task::yield_now().await;
        third(&self.calls)?;
        Ok(name.len())
    }
}

#[tokio::test]
async fn under_async_trait() {
    let _scope = testing::scope();
    assert_eq!(Store::<u8>::provided(&Client::default(), &1).await.unwrap(), 3);
    let (mut client, mut values) = (Client::default(), Vec::<u64>::new());
    assert_eq!(client.get("key", 1, &mut values).await.unwrap(), 2);
    assert_eq!((values, client.log), (vec![2, 2, 2], vec![2, 2, 2]));
    let calls = Arc::default();
    assert_eq!(<Client as Store<u8>>::no_receiver(calls, (1, 2)).await, Some(3));
    assert_eq!(Client::default().local("abc".into()).await.unwrap(), 3);
}
