//! `return`, `?`, labels, closures and items in a body.

use std::cell::Cell;
use std::io::{self, ErrorKind};

use steadfast::{retry, testing};

use super::third;

#[retry(budget = none)]
fn early(calls: &Cell<u32>, n: u32) -> io::Result<u32> {
    if n == 0 {
        return third(calls);
    }
    let value = third(calls)?;
    if n == 1 {
        return Ok(value + 1);
    }
    loop {
        if calls.get() > 1 {
            break Ok(value + n);
        }
    }
}

#[retry(budget = none)]
async fn early_async(calls: &Cell<u32>, n: u32) -> io::Result<u32> {
    if n == 0 {
        return third(calls);
    }
    let value = third(calls)?;
    tokio::task::yield_now().await;
    let inner: io::Result<u32> = async {
        if n == 1 {
            return Ok(1);
        }
        Err(ErrorKind::NotFound)?
    }
    .await;
    Ok(value + inner.unwrap_or(n))
}

#[retry]
fn labels(calls: &Cell<u32>) -> io::Result<u32> {
    let picked = 'a: {
        let Ok(value) = third(calls) else { break 'a None };
        Some(value)
    };
    let mut turns = 0;
    'outer: for a in 0..10 {
        for b in 0..10 {
            turns += 1;
            if b == 2 {
                continue 'outer;
            }
            if a == 2 {
                break 'outer;
            }
        }
    }
    assert_eq!(turns, 7);
    picked.ok_or_else(|| ErrorKind::TimedOut.into())
}

#[retry]
fn closures(calls: &Cell<u32>) -> io::Result<u32> {
    let choose = |n: u32| {
        if n > 1 {
            return n;
        }
        n + 10
    };
    let attempt = || -> io::Result<u32> { Ok(third(calls)?) };
    let value = attempt()?;
    Ok(choose(value) + choose(1))
}

#[retry]
#[allow(clippy::items_after_statements, reason = "the shape under test")]
fn items(calls: &Cell<u32>) -> io::Result<u32> {
    use std::cmp::max;
    const TWO: u32 = 2;
    fn helper(n: u32) -> u32 {
        max(n, TWO)
    }
    struct Held(u32);
    impl Held {
        #[retry]
        fn checked(&self, calls: &Cell<u32>) -> io::Result<u32> {
            third(calls).map(|value| value + self.0)
        }
    }
    #[retry(max_attempts = 4)]
    fn nested(calls: &Cell<u32>) -> io::Result<u32> {
        third(calls)
    }
    let before = nested(calls)?;
    calls.set(0);
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(7);
    Ok(helper(before) + Held(1).checked(calls)? + COUNT.load(std::sync::atomic::Ordering::Relaxed))
}

#[tokio::test]
async fn returns_questions_labels_closures_and_items() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    let again = || {
        calls.set(0);
        &calls
    };
    assert_eq!(early(again(), 0).unwrap(), 3);
    assert_eq!(early(again(), 1).unwrap(), 4);
    assert_eq!(early(again(), 2).unwrap(), 5);
    assert_eq!(early_async(again(), 0).await.unwrap(), 3);
    assert_eq!(early_async(again(), 1).await.unwrap(), 4);
    assert_eq!(early_async(again(), 2).await.unwrap(), 5);
    assert_eq!(labels(again()).unwrap(), 3);
    assert_eq!(closures(again()).unwrap(), 3 + 11);
    assert_eq!(items(again()).unwrap(), 3 + 4 + 7);
}
