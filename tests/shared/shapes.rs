// Included by a package of each edition.

use std::io::{self, ErrorKind};

use steadfast::{retry, testing};

thread_local!(static CALLS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });

fn third() -> io::Result<u32> {
    let call = CALLS.get() + 1;
    CALLS.set(call);
    if call.is_multiple_of(3) { Ok(call) } else { Err(ErrorKind::TimedOut.into()) }
}

/// # Safety
///
/// `pointer` must be readable.
#[retry(budget = none)]
unsafe fn read(pointer: *const u32) -> io::Result<u32> {
    third()?;
    // SAFETY: the caller's promise.
    #[allow(unused_unsafe)]
    Ok(unsafe { *pointer })
}

/// # Safety
///
/// `pointer` must be readable.
#[retry(budget = none)]
async unsafe fn read_async(pointer: *const u32) -> io::Result<u32> {
    tokio::task::yield_now().await;
    third()?;
    // SAFETY: the caller's promise.
    #[allow(unused_unsafe)]
    Ok(unsafe { *pointer })
}

#[tokio::test]
async fn unsafe_functions() {
    let _scope = testing::scope();
    let value = 7;
    // SAFETY: a reference can be read.
    assert_eq!(unsafe { read(&raw const value) }.unwrap(), 7);
    // SAFETY: a reference can be read.
    assert_eq!(unsafe { read_async(&raw const value) }.await.unwrap(), 7);
}

#[async_trait::async_trait]
trait Service {
    async fn answer(&mut self, n: u32, text: &str) -> io::Result<u32>;
}

struct Client(u32);

#[async_trait::async_trait]
impl Service for Client {
    #[retry(budget = none)]
    async fn answer(&mut self, mut n: u32, text: &str) -> io::Result<u32> {
        n += 1;
        self.0 += n;
        third()?;
        Ok(n + u32::try_from(text.len()).unwrap())
    }
}

#[retry(budget = none)]
#[tracing::instrument(err)]
async fn below(name: &str) -> io::Result<usize> {
    third().map(|_| name.len())
}

#[tracing::instrument(ret)]
#[retry(budget = none)]
async fn above(name: &str) -> io::Result<usize> {
    third().map(|_| name.len())
}

#[tokio::test]
async fn attributes_of_others() {
    let _scope = testing::scope();
    let mut client = Client(0);
    assert_eq!(client.answer(1, "ab").await.unwrap(), 4);
    assert_eq!(client.0, 6);
    assert_eq!(below("ab").await.unwrap(), 2);
    assert_eq!(above("ab").await.unwrap(), 2);
}
