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
    assert_eq!(Service::provided(&Client::default()).unwrap(), 3);
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

#[derive(Clone, Copy)]
struct Point {
    x: u32,
    y: u32,
}

#[retry]
fn patterns(
    calls: &AtomicU32,
    Point { x, mut y }: Point,
    [mut first, .., last]: [u32; 3],
    Wrapped(inner): Wrapped,
    &borrowed: &u32,
    whole @ (_, _): (u32, u32),
    _: u32,
    (_ignored, _): (u32, u32),
) -> io::Result<u32> {
    y += 1;
    first += 1;
    third(calls)?;
    Ok(x + y + first + last + inner + borrowed + whole.0)
}

struct Wrapped(u32);

#[retry]
async fn patterns_async(
    calls: &AtomicU32,
    Point { x, mut y }: Point,
    (mut a, ref b): (u32, String),
    ref mut list: Vec<u32>,
) -> io::Result<u32> {
    y += 1;
    a += 1;
    list.push(a);
    tokio::task::yield_now().await;
    third(calls)?;
    Ok(x + y + a + u32::try_from(b.len() + list.len()).unwrap())
}

#[retry(clone(name))]
async fn consumes_async(calls: &AtomicU32, mut name: String) -> io::Result<String> {
    name.push('!');
    tokio::task::yield_now().await;
    third(calls)?;
    Ok(name)
}

#[retry]
fn by_reference(calls: &AtomicU32, ref mut list: Vec<u32>, ref name: String) -> io::Result<usize> {
    list.push(1);
    third(calls)?;
    Ok(list.len() + name.len())
}

#[retry]
#[rustfmt::skip]
fn conditional(calls: &AtomicU32, #[cfg(test)] mut here: u32, #[cfg(not(test))] mut absent: Nowhere) -> io::Result<u32> {
    here += 1;
    third(calls)?;
    Ok(here)
}

#[tokio::test]
async fn patterns_bind_in_every_attempt() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    let point = Point { x: 1, y: 1 };
    let sum = patterns(again(), point, [1, 9, 2], Wrapped(3), &4, (5, 0), 0, (0, 0)).unwrap();
    assert_eq!(sum, 1 + 2 + 2 + 2 + 3 + 4 + 5);
    let sum = patterns_async(again(), point, (1, "ab".into()), Vec::new()).await.unwrap();
    // `ref mut` is a place outside the attempt: what is pushed there stays.
    assert_eq!(sum, 1 + 2 + 2 + 2 + 3);
    assert_eq!(consumes_async(again(), "x".into()).await.unwrap(), "x!");
    assert_eq!(by_reference(again(), Vec::new(), "ab".into()).unwrap(), 5);
    assert_eq!(conditional(again(), 1).unwrap(), 2);
}

#[retry]
fn elided(calls: &AtomicU32, text: &str) -> io::Result<&'static str> {
    third(calls)?;
    Ok(if text.is_empty() { "" } else { "text" })
}

struct Borrowing<'a>(&'a str);

impl<'a> Borrowing<'a> {
    #[retry]
    fn elided(&self, calls: &AtomicU32) -> io::Result<&str> {
        third(calls)?;
        Ok(self.0)
    }

    #[retry]
    async fn named(&self, calls: &AtomicU32) -> io::Result<&'a str> {
        third(calls)?;
        Ok(self.0)
    }

    #[retry]
    fn new(calls: &AtomicU32, text: &'a str) -> io::Result<Self> {
        third(calls)?;
        Ok(Self(text))
    }
}

#[retry]
fn anonymous<'b>(calls: &'_ AtomicU32, text: &'b str) -> io::Result<Borrowing<'b>> {
    third(calls)?;
    Ok(Borrowing(text))
}

#[retry]
async fn two<'a, 'b: 'a>(calls: &AtomicU32, a: &'a str, b: &'b str) -> io::Result<&'a str> {
    third(calls)?;
    Ok(if a.is_empty() { b } else { a })
}

#[retry]
async fn callback<F>(calls: &AtomicU32, ask: F) -> io::Result<usize>
where
    F: for<'x> Fn(&'x str) -> &'x str,
{
    third(calls)?;
    Ok(ask("abc").len())
}

#[retry]
async fn async_callback(calls: &AtomicU32, ask: impl AsyncFn(u32) -> u32) -> io::Result<u32> {
    third(calls)?;
    Ok(ask(4).await)
}

#[retry]
fn argument(calls: &AtomicU32, mut ask: impl FnMut() -> u32 + Copy) -> io::Result<u32> {
    third(calls)?;
    Ok(ask())
}

#[retry]
async fn nested_impl(
    calls: &AtomicU32,
    text: &str,
) -> io::Result<(u32, Box<impl Iterator<Item = char>>)> {
    let call = third(calls)?;
    Ok((call, Box::new(text.chars())))
}

#[retry]
fn optional_impl<'a>(calls: &AtomicU32, text: &'a str) -> Option<impl Iterator<Item = char> + 'a> {
    third(calls).ok()?;
    Some(text.chars())
}

#[tokio::test]
async fn lifetimes_and_impl_trait() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    assert_eq!(elided(again(), "x").unwrap(), "text");
    let text = String::from("abc");
    let borrowing = Borrowing::new(again(), &text).unwrap();
    assert_eq!(borrowing.elided(again()).unwrap(), "abc");
    assert_eq!(borrowing.named(again()).await.unwrap(), "abc");
    assert_eq!(anonymous(again(), &text).unwrap().0, "abc");
    assert_eq!(two(again(), "", &text).await.unwrap(), "abc");
    assert_eq!(callback(again(), |text| &text[1..]).await.unwrap(), 2);
    assert_eq!(async_callback(again(), async |n| n + 1).await.unwrap(), 5);
    assert_eq!(argument(again(), || 7).unwrap(), 7);
    assert_eq!(nested_impl(again(), &text).await.unwrap().1.count(), 3);
    assert_eq!(optional_impl(again(), &text).unwrap().count(), 3);
}

type Answer<T = u32> = io::Result<T>;

#[retry]
fn aliased(calls: &AtomicU32) -> Answer {
    third(calls)
}

#[retry]
async fn aliased_async(calls: &AtomicU32) -> Answer<u32> {
    third(calls)
}

#[retry(on = any)]
fn any_error_text(calls: &AtomicU32) -> Result<u32, String> {
    third(calls).map_err(|error| error.to_string())
}

#[retry(on = any)]
fn any_boxed(calls: &AtomicU32) -> Result<u32, Box<dyn std::error::Error>> {
    third(calls)?;
    Err("always".into())
}

#[retry]
fn boxed_by_itself(calls: &AtomicU32) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    Ok(third(calls)?)
}

#[retry(when = |error| matches!(error, Plain))]
async fn neither_debug_nor_display(calls: &AtomicU32) -> Result<u32, Plain> {
    third(calls).map_err(|_| Plain)
}

struct Plain;

#[retry(when_value = |n| *n < 3)]
async fn polled(calls: &AtomicU32) -> u32 {
    calls.fetch_add(1, Relaxed) + 1
}

#[retry(when_value = Vec::is_empty)]
fn polled_list(calls: &AtomicU32) -> Vec<u32> {
    third(calls).into_iter().collect()
}

#[retry(when_value = |_: &()| calls.load(Relaxed) < 3)]
fn polled_unit(calls: &AtomicU32) {
    calls.fetch_add(1, Relaxed);
}

#[tokio::test]
async fn kinds_of_results() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    let again = || {
        calls.store(0, Relaxed);
        &calls
    };
    assert_eq!(aliased(again()).unwrap(), 3);
    assert_eq!(aliased_async(again()).await.unwrap(), 3);
    assert_eq!(any_error_text(again()).unwrap(), 3);
    assert_eq!(any_boxed(again()).unwrap_err().to_string(), "always");
    assert_eq!(boxed_by_itself(again()).unwrap(), 3);
    assert!(neither_debug_nor_display(again()).await.is_ok());
    assert_eq!(polled(again()).await, 3);
    assert_eq!(polled_list(again()), [3]);
    polled_unit(again());
    assert_eq!(calls.load(Relaxed), 3);
}

struct Tuned<const N: u32>;

impl<const N: u32> Tuned<N> {
    const DELAY: std::time::Duration = std::time::Duration::from_millis(N as u64);

    #[retry(max_attempts = N, base_delay = Self::DELAY, jitter = "none", budget = none)]
    fn call(&self, calls: &AtomicU32) -> io::Result<u32> {
        third(calls)
    }

    #[retry(max_attempts = N + 1, context = attempt, budget = none)]
    async fn call_async(&self, calls: &AtomicU32) -> io::Result<u32> {
        calls.fetch_add(1, Relaxed);
        assert!(attempt.number() <= N + 1);
        Err(ErrorKind::TimedOut.into())
    }
}

#[retry(max_attempts = M, context = attempt, budget = none)]
fn const_generic<const M: u32>(seen: &mut Vec<u32>) -> io::Result<()> {
    seen.push(attempt.number());
    Err(ErrorKind::TimedOut.into())
}

#[tokio::test]
async fn options_name_self_and_const_generics() {
    let _scope = testing::scope();
    let calls = AtomicU32::new(0);
    Tuned::<2>.call(&calls).unwrap_err();
    assert_eq!(calls.swap(0, Relaxed), 2);
    assert_eq!(Tuned::<5>.call(&calls).unwrap(), 3);
    calls.store(0, Relaxed);
    Tuned::<3>.call_async(&calls).await.unwrap_err();
    assert_eq!(calls.load(Relaxed), 4);
    let mut seen = Vec::new();
    const_generic::<2>(&mut seen).unwrap_err();
    const_generic::<1>(&mut seen).unwrap_err();
    assert_eq!(seen, [1, 2, 1]);
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
