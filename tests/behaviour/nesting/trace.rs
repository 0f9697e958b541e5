//! The same seed and answers give the same run, sync and async.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use steadfast::{retry, testing};

use super::{Answer, Failure};

/// What each attempt of one function is told to answer, and which calls came of it.
struct Script {
    answers: Vec<Answer>,
    next: Cell<usize>,
    log: RefCell<Vec<usize>>,
}

impl Script {
    fn answer(&self) -> Result<usize, Failure> {
        let call = self.next.get();
        self.next.set(call + 1);
        self.log.borrow_mut().push(call);
        match self.answers.get(call).copied().unwrap_or(Answer::Ok) {
            Answer::Ok => Ok(call),
            failure => Err(Failure(failure)),
        }
    }
}

#[retry(max_attempts = 6, name = "one")]
fn one(script: &Script) -> Result<usize, Failure> {
    script.answer()
}

#[retry(max_attempts = 6, name = "one")]
async fn one_async(script: &Script) -> Result<usize, Failure> {
    tokio::task::yield_now().await;
    script.answer()
}

#[retry(max_attempts = 4, name = "two", deadline = "5m")]
fn two(script: &Script) -> Result<usize, Failure> {
    Ok(one(script)? + one(script)?)
}

#[retry(
    max_attempts = 4,
    name = "two",
    deadline = "5m",
    map_timeout = |_| Failure(Answer::Transient)
)]
async fn two_async(script: &Script) -> Result<usize, Failure> {
    Ok(one_async(script).await? + one_async(script).await?)
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let answer = prop_oneof![
        3 => Just(Answer::Ok),
        1 => Just(Answer::Permanent),
        6 => Just(Answer::Transient),
        2 => Just(Answer::Conflict),
        1 => (0..90_u64).prop_map(Answer::Hint),
    ];
    prop::collection::vec(answer, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_and_answers_give_the_same_trace_sync_and_async(
        answers in answers(),
        seed: u64,
        calls in 1..6_u32,
    ) {
        let script = || Script {
            answers: answers.clone(),
            next: Cell::new(0),
            log: RefCell::default(),
        };
        let trace = |run: &dyn Fn(&Script) -> Option<usize>| {
            let (script, scope) = (script(), testing::scope_with_seed(seed));
            let answers: Vec<_> = (0..calls).map(|_| run(&script)).collect();
            (answers, script.log.into_inner(), scope.events(), scope.elapsed())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let sync = trace(&|script| two(script).ok());
        let future = trace(&|script| runtime.block_on(two_async(script)).ok());
        prop_assert_eq!(&sync, &future);
        prop_assert_eq!(&sync, &trace(&|script| two(script).ok()), "a seed replays a run");
    }
}
