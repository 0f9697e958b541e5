//! How many calls come of retries inside retries.

mod bounds;
mod trace;
mod tree;

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use steadfast::{Classification, Kind, retry, testing};

use tree::{Node, Way, run_async, run_sync};

/// What an attempt is told to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Ok,
    Permanent,
    Transient,
    Conflict,
    Hint(u64),
}

#[derive(Debug, PartialEq)]
struct Failure(Answer);

impl steadfast::Classify for Failure {
    fn classify(&self) -> Classification {
        match self.0 {
            Answer::Ok | Answer::Permanent => Classification::permanent(),
            Answer::Transient => Classification::retryable(),
            Answer::Conflict => Classification::retryable().kind(Kind::Conflict),
            Answer::Hint(seconds) => {
                Classification::retryable().after(Duration::from_secs(seconds))
            }
        }
    }
}

#[test]
fn three_layers_of_three_attempts_are_seven_calls() {
    let chain = Node::above(vec![Node::leaf(Vec::new())], Way::OneByOne);
    let chain = Arc::new(Node::above(vec![chain], Way::OneByOne));
    assert_eq!((run_sync(&chain).0, run_async(&chain).0), (7, 7));
    assert_eq!(chain.bound_of_conflicts(), 27, "without suppression");
}

#[test]
fn three_functions_of_three_attempts_are_seven_calls() {
    #[retry]
    fn outer(calls: &Cell<u32>) -> io::Result<()> {
        middle(calls)
    }
    #[retry]
    fn middle(calls: &Cell<u32>) -> io::Result<()> {
        inner(calls)
    }
    #[retry]
    fn inner(calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        Err(ErrorKind::TimedOut.into())
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    outer(&calls).unwrap_err();
    assert_eq!(calls.get(), 7);
}

#[tokio::test]
async fn three_async_functions_of_three_attempts_are_seven_calls() {
    #[retry]
    async fn outer(calls: &Cell<u32>) -> io::Result<()> {
        middle(calls).await
    }
    #[retry]
    async fn middle(calls: &Cell<u32>) -> io::Result<()> {
        inner(calls).await
    }
    #[retry]
    async fn inner(calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        Err(ErrorKind::TimedOut.into())
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    outer(&calls).await.unwrap_err();
    assert_eq!(calls.get(), 7);
}

/// A consumer that was restarted once must not lose its retries for ever.
#[test]
fn suppression_ends_when_the_outer_attempt_is_older_than_its_ceiling() {
    #[retry(max_attempts = 3, base_delay = "1ms", budget = none)]
    fn inner(calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        Err(ErrorKind::TimedOut.into())
    }
    #[retry(max_attempts = 2, base_delay = "1ms", max_delay = "20s", budget = none)]
    fn consume(scope: &testing::Scope, seen: &RefCell<Vec<u32>>) -> io::Result<()> {
        let calls = Cell::new(0);
        for step in [Duration::ZERO, Duration::from_millis(19_900), Duration::from_millis(200)] {
            scope.advance(step);
            inner(&calls).unwrap_err();
            seen.borrow_mut().push(calls.take());
        }
        Err(ErrorKind::TimedOut.into())
    }
    let (scope, seen) = (testing::scope(), RefCell::default());
    consume(&scope, &seen).unwrap_err();
    assert_eq!(seen.into_inner(), [3, 3, 3, 1, 1, 3]);
}
