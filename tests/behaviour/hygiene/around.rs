//! Other attributes and macros: above, below and around ours.

use std::cell::Cell;
use std::io;

use steadfast::{retry, testing};

use super::third;

macro_rules! annotated {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($calls:ident) -> $output:ty, $delay:expr, $entry:path, $body:block) => {
        $(#[$attribute])*
        #[retry(base_delay = $delay, on = [$entry], max_attempts = 3)]
        $visibility fn $name($calls: &Cell<u32>) -> $output $body

        mod future {
            use super::*;

            #[retry(base_delay = $delay, when = |_| true)]
            pub(super) async fn $name($calls: &Cell<u32>) -> $output {
                let local = 1;
                let value = third($calls)?;
                Ok(value + local - 1)
            }
        }
    };
}

annotated! {
    /// Kept.
    pub(crate) fn from_macro(calls) -> io::Result<u32>, std::time::Duration::from_millis(5), io::Error, {
        let value = third(calls)?;
        Ok(value)
    }
}

macro_rules! expression {
    ($name:ident, $attempts:expr, $argument:pat => $ty:ty, $body:expr) => {
        #[retry(max_attempts = $attempts)]
        fn $name($argument: $ty) -> io::Result<u32> {
            $body
        }
    };
}

expression!(by_expression, 1 + 2, (calls, mut extra) => (&Cell<u32>, u32), {
    extra += 1;
    third(calls).map(|value| value + extra)
});

macro_rules! wrapped_name {
    ($calls:ident) => {{
        // A name of the macro's own beside one of its caller.
        let value = third($calls)?;
        value
    }};
}

#[retry]
fn uses_a_macro(calls: &Cell<u32>) -> io::Result<u32> {
    let value = 10;
    Ok(wrapped_name!(calls) + value)
}

#[tokio::test]
async fn inside_macros() {
    let _scope = testing::scope();
    assert_eq!(from_macro(&Cell::new(0)).unwrap(), 3);
    assert_eq!(future::from_macro(&Cell::new(0)).await.unwrap(), 3);
    assert_eq!(by_expression((&Cell::new(0), 1)).unwrap(), 5);
    assert_eq!(uses_a_macro(&Cell::new(0)).unwrap(), 13);
}

#[tokio::test]
#[retry]
async fn above_a_test() -> io::Result<()> {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(third).map(drop)
}

#[retry(base_delay = "1ms", max_delay = "1ms")]
#[tokio::test(start_paused = true)]
async fn below_a_test() -> io::Result<()> {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(third).map(drop)
}

#[retry]
#[tracing::instrument(skip(calls), err)]
async fn instrument_below(calls: &Cell<u32>, name: &str, mut n: u32) -> io::Result<u32> {
    n += u32::try_from(name.len()).unwrap();
    tokio::task::yield_now().await;
    third(calls).map(|value| value + n)
}

#[tracing::instrument(skip_all, fields(name))]
#[retry]
async fn instrument_above(calls: &Cell<u32>, name: &str, mut n: u32) -> io::Result<u32> {
    n += u32::try_from(name.len()).unwrap();
    tokio::task::yield_now().await;
    third(calls).map(|value| value + n)
}

#[retry]
#[tracing::instrument(skip(calls), ret)]
fn instrument_below_sync(calls: &Cell<u32>, name: &str) -> io::Result<u32> {
    third(calls).map(|value| value + u32::from(name.is_empty()))
}

#[tracing::instrument(skip(calls), ret)]
#[retry]
fn instrument_above_sync(calls: &Cell<u32>, name: &str) -> io::Result<u32> {
    third(calls).map(|value| value + u32::from(name.is_empty()))
}

#[tokio::test]
async fn beside_instrument() {
    let _scope = testing::scope();
    assert_eq!(instrument_below(&Cell::new(0), "a", 1).await.unwrap(), 5);
    assert_eq!(instrument_above(&Cell::new(0), "a", 1).await.unwrap(), 5);
    assert_eq!(instrument_below_sync(&Cell::new(0), "").unwrap(), 4);
    assert_eq!(instrument_above_sync(&Cell::new(0), "").unwrap(), 4);
}

#[retry]
async fn inner_attributes(calls: &Cell<u32>) -> io::Result<u32> {
    #![allow(unused_variables)]
    #![doc = "Kept."]
    let unused = 1;
    third(calls)
}

#[retry]
#[must_use = "kept"]
#[inline]
#[deprecated = "kept"]
fn with_attributes(calls: &Cell<u32>) -> io::Result<u32> {
    third(calls)
}

#[tokio::test]
async fn attributes_are_kept() {
    let _scope = testing::scope();
    assert_eq!(inner_attributes(&Cell::new(0)).await.unwrap(), 3);
    #[expect(deprecated, reason = "the attribute has to survive")]
    let answer = with_attributes(&Cell::new(0));
    assert_eq!(answer.unwrap(), 3);
}
