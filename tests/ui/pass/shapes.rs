#![deny(warnings, clippy::all, clippy::pedantic)]

//! Shapes of functions that borrow checking, hygiene or a lint could refuse.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use steadfast::retry;

#[derive(Default)]
pub(crate) struct Client {
    name: String,
    calls: u32,
}

impl Client {
    #[retry]
    pub(crate) fn shared(&self) -> io::Result<&str> {
        Ok(&self.name)
    }

    #[retry]
    pub(crate) fn exclusive(&mut self) -> io::Result<u32> {
        self.calls += 1;
        Ok(self.calls)
    }

    #[retry]
    pub(crate) async fn exclusive_async(&mut self, add: &mut u32) -> io::Result<u32> {
        *add += 1;
        self.calls += *add;
        std::future::ready(Ok(self.calls)).await
    }

    /// What is returned is borrowed from nobody.
    #[retry]
    pub(crate) fn constant(&mut self) -> io::Result<&'static str> {
        self.calls += 1;
        Ok("constant")
    }

    #[retry]
    pub(crate) fn owned(self) -> io::Result<usize> {
        Ok(self.name.len())
    }

    #[retry]
    pub(crate) fn counted(self: Arc<Self>) -> io::Result<usize> {
        Ok(self.name.len())
    }

    #[retry]
    pub(crate) fn pinned(mut self: Pin<&mut Self>) -> io::Result<u32> {
        self.as_mut().calls += 1;
        Ok(self.calls)
    }
}

#[retry]
pub(crate) fn start(mut number: u32, (mut left, right): (u8, u8)) -> Option<u32> {
    number += 1;
    left += right;
    Some(number + u32::from(left))
}

#[retry]
pub(crate) fn exclusive<T: Clone>(list: &mut Vec<T>, value: &T) -> io::Result<usize> {
    list.push(value.clone());
    Ok(list.len())
}

#[retry]
pub(crate) fn given(callback: impl Fn() -> u32) -> io::Result<impl Iterator<Item = u32>> {
    Ok(0..callback())
}

#[retry]
pub(crate) fn future(number: u32) -> impl Future<Output = io::Result<u32>> {
    async move { Ok(number) }
}

#[retry]
pub(crate) fn boxed(number: u32) -> Pin<Box<dyn Future<Output = io::Result<u32>> + Send>> {
    Box::pin(async move { Ok(number) })
}

#[retry]
pub(crate) fn labels(numbers: &[u32]) -> Option<u32> {
    let found = 'search: {
        for number in numbers {
            if *number > 2 {
                break 'search Some(*number);
            }
        }
        return None;
    };
    let twice = |number: u32| number * 2;
    Some(twice(found?))
}

pub(crate) trait Fetch {
    #[retry]
    fn fetch(&self) -> io::Result<u32> {
        self.source()
    }

    /// # Errors
    ///
    /// Never.
    fn source(&self) -> io::Result<u32>;
}

impl Fetch for Client {
    fn source(&self) -> io::Result<u32> {
        Ok(self.calls)
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut client = Client::default();
    assert_eq!(client.shared().unwrap(), "");
    assert_eq!(client.exclusive().unwrap(), 1);
    assert_eq!(client.exclusive_async(&mut 0).await.unwrap(), 2);
    assert_eq!(client.constant().unwrap(), "constant");
    assert_eq!(Pin::new(&mut client).pinned().unwrap(), 4);
    assert_eq!(client.fetch().unwrap(), 4);
    assert_eq!(client.owned().unwrap(), 0);
    assert_eq!(Arc::new(Client::default()).counted().unwrap(), 0);
    assert_eq!(start(1, (2, 3)), Some(7));
    assert_eq!(exclusive(&mut vec![1], &2).unwrap(), 2);
    assert_eq!(given(|| 3).unwrap().count(), 3);
    assert_eq!(future(1).await.unwrap(), 1);
    assert_eq!(boxed(1).await.unwrap(), 1);
    assert_eq!(labels(&[1, 2, 3]), Some(6));
    assert_eq!(labels(&[]), None);
}
