//! How many calls come of retries inside retries.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};

use proptest::prelude::*;
use steadfast::{Classification, Kind, retry, testing};

/// A service that calls others: the branches one after the other, or is itself what fails.
#[derive(Clone, Debug)]
struct Node {
    branches: Vec<Node>,
    /// Its branches run at once, in one task.
    joined: bool,
}

impl Node {
    fn leaves(&self) -> u32 {
        if self.branches.is_empty() { 1 } else { self.branches.iter().map(Self::leaves).sum() }
    }

    fn depth(&self) -> u32 {
        1 + self.branches.iter().map(Self::depth).max().unwrap_or(0)
    }
}

const ATTEMPTS: u32 = 3;

#[retry(max_attempts = ATTEMPTS, budget = none)]
fn sync(node: &Node, calls: &Cell<u32>) -> io::Result<()> {
    if node.branches.is_empty() {
        calls.set(calls.get() + 1);
        return Err(ErrorKind::TimedOut.into());
    }
    // Whatever one branch says, the others are asked, too.
    let mut answer = Ok(());
    for branch in &node.branches {
        answer = answer.and(sync(branch, calls));
    }
    answer
}

#[retry(max_attempts = ATTEMPTS, budget = none)]
async fn future(node: &Node, calls: &Cell<u32>) -> io::Result<()> {
    if node.branches.is_empty() {
        tokio::task::yield_now().await;
        calls.set(calls.get() + 1);
        return Err(ErrorKind::TimedOut.into());
    }
    let mut answer = Ok(());
    if let (true, [first, rest @ ..]) = (node.joined, &node.branches[..]) {
        let rest = async {
            let mut answer = Ok(());
            for branch in rest {
                answer = answer.and(Box::pin(future(branch, calls)).await);
            }
            answer
        };
        let (first, rest) = tokio::join!(Box::pin(future(first, calls)), rest);
        return first.and(rest);
    }
    for branch in &node.branches {
        answer = answer.and(Box::pin(future(branch, calls)).await);
    }
    answer
}

fn trees() -> impl Strategy<Value = Node> {
    let leaf = Just(Node { branches: Vec::new(), joined: false });
    leaf.prop_recursive(4, 12, 3, |inner| {
        (prop::collection::vec(inner, 1..=3), any::<bool>())
            .prop_map(|(branches, joined)| Node { branches, joined })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_leaf_is_called_at_most_once_a_retry_above_it(tree in trees()) {
        let bound = tree.leaves() * (tree.depth() * (ATTEMPTS - 1) + 1);
        let _scope = testing::scope();
        let calls = Cell::new(0);
        sync(&tree, &calls).unwrap_err();
        prop_assert!(calls.get() <= bound, "{} > {bound}", calls.get());
        let in_sync = calls.replace(0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(future(&tree, &calls)).unwrap_err();
        prop_assert_eq!(calls.get(), in_sync);
    }

    #[test]
    fn a_chain_of_n_layers_costs_n_times_k_minus_one_and_one(layers in 1..6_u32) {
        let mut chain = Node { branches: Vec::new(), joined: false };
        for _ in 1..layers {
            chain = Node { branches: vec![chain], joined: false };
        }
        let _scope = testing::scope();
        let calls = Cell::new(0);
        sync(&chain, &calls).unwrap_err();
        prop_assert_eq!(calls.get(), layers * (ATTEMPTS - 1) + 1);
    }
}

/// A trace: what each attempt of one function was told to answer, and the delays that came of it.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Ok,
    Permanent,
    Transient,
    Conflict,
    Hint(u64),
}

struct Failure(Answer);

impl steadfast::Classify for Failure {
    fn classify(&self) -> Classification {
        match self.0 {
            Answer::Ok | Answer::Permanent => Classification::permanent(),
            Answer::Transient => Classification::retryable(),
            Answer::Conflict => Classification::retryable().kind(Kind::Conflict),
            Answer::Hint(seconds) => {
                Classification::retryable().after(std::time::Duration::from_secs(seconds))
            }
        }
    }
}

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
