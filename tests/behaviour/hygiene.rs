//! What stands in a body, around a function and in its scope keeps its meaning. Here are the names
//! of arguments and methods, below is the rest.

mod around;
mod body;
mod paths;
mod shadows;

use std::cell::Cell;
use std::io::{self, ErrorKind};

use steadfast::{Classification, retry, testing};

/// Fails twice.
fn third(calls: &Cell<u32>) -> io::Result<u32> {
    calls.set(calls.get() + 1);
    if calls.get() < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(calls.get()) }
}

#[retry]
fn r#match(r#type: &Cell<u32>, mut r#loop: u32) -> io::Result<u32> {
    r#loop += 1;
    third(r#type).map(|value| value + r#loop)
}

#[retry(clone(r#fn), context = r#try)]
async fn r#move(calls: &Cell<u32>, r#fn: String) -> io::Result<(String, u32)> {
    third(calls)?;
    Ok((r#fn, r#try.number()))
}

#[tokio::test]
async fn raw_identifiers() {
    let scope = testing::scope();
    assert_eq!(r#match(&Cell::new(0), 1).unwrap(), 5);
    assert_eq!(r#move(&Cell::new(0), "x".into()).await.unwrap(), ("x".into(), 3));
    let testing::Event::Retried { operation, .. } = scope.events()[0] else { panic!() };
    assert!(operation.ends_with("::match"), "{operation}");
}

/// The names that the generated code uses are not the user's.
#[retry(when = |_| true)]
#[allow(clippy::used_underscore_binding, non_snake_case, reason = "the names under test")]
fn reserved(
    __steadfast_call: &Cell<u32>,
    __steadfast_outcome: u32,
    mut __steadfast_delay: u32,
    __steadfast_error: &str,
) -> io::Result<u32> {
    __steadfast_delay += __steadfast_outcome;
    let __steadfast_class = third(__steadfast_call)?;
    Ok(__steadfast_class + __steadfast_delay + u32::from(__steadfast_error.is_empty()))
}

#[test]
fn names_of_ours_as_arguments() {
    let _scope = testing::scope();
    assert_eq!(reserved(&Cell::new(0), 1, 1, "").unwrap(), 6);
}

/// A type of the user's in options, methods and closures, with methods named as ours.
#[derive(Debug)]
struct Mine(u32);

impl Mine {
    fn error(&self) -> bool {
        self.0 > 0
    }

    fn any(&self, test: impl Fn(u32) -> bool) -> bool {
        test(self.0)
    }

    fn class(&self) -> Classification {
        Classification::retryable()
    }
}

#[retry(when = |mine| mine.error() && mine.any(|n| n > 0))]
fn own_methods(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(1))
}

#[retry(classify = Mine::class)]
async fn own_class(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(0))
}

#[retry(classify = |mine| mine.class(), on_retry = |event| { assert!(event.error.is_none()); })]
fn own_closure(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(0))
}

#[tokio::test]
async fn methods_of_the_user_named_as_ours() {
    let _scope = testing::scope();
    assert_eq!(own_methods(&Cell::new(0)).unwrap(), 3);
    assert_eq!(own_class(&Cell::new(0)).await.unwrap(), 3);
    assert_eq!(own_closure(&Cell::new(0)).unwrap(), 3);
}
