//! Lifetimes, elided and named; `impl Trait` and closures as arguments and results.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use steadfast::{retry, testing};

use super::third;

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
