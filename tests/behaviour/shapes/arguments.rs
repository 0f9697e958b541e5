//! Arguments and what the body does with them: patterns, `mut`, consumed and borrowed ones.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use steadfast::{retry, testing};

use super::{Client, third};

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
