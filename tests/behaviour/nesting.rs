//! How many calls come of retries inside retries.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use steadfast::propagate::{with_current, with_current_blocking};
use steadfast::{Classification, Kind, retry, testing};

const ATTEMPTS: u32 = 3;

/// A service that calls others, its branches, or is itself what fails.
#[derive(Clone, Debug)]
struct Node {
    branches: Vec<Arc<Node>>,
    way: Way,
    /// Whether it says `nested = "allow"`.
    allow: bool,
    /// What a leaf answers, call by call, and then for ever `Transient`.
    answers: Vec<Answer>,
    calls: Arc<AtomicUsize>,
}

/// How a service calls its branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    OneByOne,
    /// At once, in one task.
    Joined,
    /// At once; the first answer counts, the other calls are dropped.
    Raced,
    /// Each in a task or thread of its own, which inherits nothing.
    Spawned,
    /// The same, wrapped so that it inherits.
    Carried,
    /// From async code in synchronous functions.
    Blocking,
}

impl Node {
    fn leaf(answers: Vec<Answer>) -> Self {
        Self {
            branches: Vec::new(),
            way: Way::OneByOne,
            allow: false,
            answers,
            calls: Arc::default(),
        }
    }

    fn above(branches: Vec<Self>, way: Way) -> Self {
        let branches = branches.into_iter().map(Arc::new).collect();
        Self { branches, way, ..Self::leaf(Vec::new()) }
    }

    fn leaves(&self) -> usize {
        if self.branches.is_empty() { 1 } else { self.branches.iter().map(|it| it.leaves()).sum() }
    }

    /// Whether `test` holds for it or anything below.
    fn any(&self, test: fn(&Self) -> bool) -> bool {
        test(self) || self.branches.iter().any(|branch| branch.any(test))
    }

    /// The calls of all leaves so far, which are forgotten.
    fn take_calls(&self) -> usize {
        let below: usize = self.branches.iter().map(|branch| branch.take_calls()).sum();
        self.calls.swap(0, SeqCst) + below
    }

    fn answer(&self) -> Answer {
        let call = self.calls.fetch_add(1, SeqCst);
        self.answers.get(call).copied().unwrap_or(Answer::Transient)
    }

    /// The most leaf calls that one call of it can cost, if no failure is a conflict: while an
    /// attempt above is a retry everything below is tried once, by whatever way it is called unless
    /// it is spawned or says that it wants more.
    fn bound(&self, suppressed: bool) -> usize {
        let attempts = if suppressed && !self.allow { 1 } else { ATTEMPTS as usize };
        if self.branches.is_empty() {
            return attempts;
        }
        let below = |suppressed| -> usize {
            let suppressed = suppressed && self.way != Way::Spawned;
            self.branches.iter().map(|branch| branch.bound(suppressed)).sum()
        };
        below(suppressed) + (attempts - 1) * below(true)
    }

    /// The same where every failure may be a conflict: attempts multiply.
    fn bound_of_conflicts(&self) -> usize {
        let below = self.branches.iter().map(|branch| branch.bound_of_conflicts()).sum::<usize>();
        ATTEMPTS as usize * below.max(1)
    }

    /// The calls and the answer that the rules demand, without any of the library's code.
    fn expected(&self, suppressed: bool) -> Answer {
        let mut attempt = 1;
        loop {
            let retrying = suppressed || attempt > 1;
            let answer = if self.branches.is_empty() {
                self.answer()
            } else {
                let below = retrying && self.way != Way::Spawned;
                // Whatever one branch says, the others are asked, too.
                let answers: Vec<_> = self.branches.iter().map(|it| it.expected(below)).collect();
                answers.into_iter().find(|it| *it != Answer::Ok).unwrap_or(Answer::Ok)
            };
            let again = match answer {
                Answer::Conflict => true,
                Answer::Transient => !suppressed || self.allow,
                _ => false,
            };
            if !again || attempt == ATTEMPTS {
                return answer;
            }
            attempt += 1;
        }
    }
}

type Answered = Result<(), Failure>;

fn answered(answer: Answer) -> Answered {
    if answer == Answer::Ok { Ok(()) } else { Err(Failure(answer)) }
}

fn sync(node: &Arc<Node>) -> Answered {
    #[retry(max_attempts = ATTEMPTS, base_delay = "1ms", budget = none)]
    fn suppressed(node: &Node) -> Answered {
        sync_body(node)
    }
    #[retry(max_attempts = ATTEMPTS, base_delay = "1ms", budget = none, nested = "allow")]
    fn allowed(node: &Node) -> Answered {
        sync_body(node)
    }
    if node.allow { allowed(node) } else { suppressed(node) }
}

thread_local! {
    /// What takes a thread into the scope of the test.
    static SCOPE: RefCell<Option<testing::ScopeHandle>> = const { RefCell::new(None) };
}

fn sync_body(node: &Node) -> Answered {
    if node.branches.is_empty() {
        return answered(node.answer());
    }
    let branch = |branch: &Arc<Node>| {
        if !matches!(node.way, Way::Spawned | Way::Carried) {
            return sync(branch);
        }
        let (branch, handle) = (Arc::clone(branch), SCOPE.with_borrow(Clone::clone).unwrap());
        let own = handle.clone();
        let work = move || {
            own.enter(|| {
                SCOPE.set(Some(own.clone()));
                sync(&branch)
            })
        };
        let thread = if node.way == Way::Carried {
            std::thread::spawn(with_current_blocking(work))
        } else {
            std::thread::spawn(work)
        };
        thread.join().unwrap()
    };
    node.branches.iter().map(branch).fold(Ok(()), Result::and)
}

type Boxed = Pin<Box<dyn Future<Output = Answered>>>;

fn future(node: &Arc<Node>) -> Boxed {
    #[retry(max_attempts = ATTEMPTS, base_delay = "1ms", budget = none)]
    async fn suppressed(node: Arc<Node>) -> Answered {
        future_body(&node).await
    }
    #[retry(max_attempts = ATTEMPTS, base_delay = "1ms", budget = none, nested = "allow")]
    async fn allowed(node: Arc<Node>) -> Answered {
        future_body(&node).await
    }
    let node = Arc::clone(node);
    if node.allow { Box::pin(allowed(node)) } else { Box::pin(suppressed(node)) }
}

async fn future_body(node: &Node) -> Answered {
    let answer = match (&node.branches[..], node.way) {
        ([], _) => {
            tokio::task::yield_now().await;
            answered(node.answer())
        }
        ([first, second, rest @ ..], Way::Joined) => {
            let rest = async {
                let mut answer = Ok(());
                for branch in rest {
                    answer = answer.and(future(branch).await);
                }
                answer
            };
            let (first, second, rest) = tokio::join!(future(first), future(second), rest);
            first.and(second).and(rest)
        }
        ([first, second, ..], Way::Raced) => tokio::select! {
            first = future(first) => first,
            second = future(second) => second,
        },
        (branches, way) => {
            let mut answer = Ok(());
            for branch in branches {
                answer = answer.and(match way {
                    Way::Blocking => sync(branch),
                    Way::Spawned => tokio::task::spawn_local(future(branch)).await.unwrap(),
                    Way::Carried => {
                        tokio::task::spawn_local(with_current(future(branch))).await.unwrap()
                    }
                    _ => future(branch).await,
                });
            }
            answer
        }
    };
    // The body goes on after what it called, in the same light.
    tokio::task::yield_now().await;
    answer
}

/// The calls of all leaves and the answer, sync and async.
fn run_sync(tree: &Arc<Node>) -> (usize, Answered) {
    let scope = testing::scope();
    SCOPE.set(Some(scope.handle()));
    let answer = sync(tree);
    (tree.take_calls(), answer)
}

fn run_async(tree: &Arc<Node>) -> (usize, Answered) {
    let scope = testing::scope();
    SCOPE.set(Some(scope.handle()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = tokio::task::LocalSet::new().block_on(&runtime, future(tree));
    (tree.take_calls(), answer)
}

/// Trees of at most four layers above the leaves.
fn trees(
    ways: &'static [Way],
    answers: impl Strategy<Value = Vec<Answer>> + 'static,
    allow: impl Strategy<Value = bool> + Clone + 'static,
) -> impl Strategy<Value = Arc<Node>> {
    let leaf =
        (answers, allow.clone()).prop_map(|(answers, allow)| Node { allow, ..Node::leaf(answers) });
    let tree = leaf.prop_recursive(4, 12, 3, move |inner| {
        let branches = prop::collection::vec(inner, 1..=3);
        (branches, prop::sample::select(ways), allow.clone())
            .prop_map(|(branches, way, allow)| Node { allow, ..Node::above(branches, way) })
    });
    tree.prop_map(Arc::new)
}

/// Ways that inherit, and by which every branch comes to its end.
const INHERITING: &[Way] = &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking];
const COMPLETE: &[Way] = &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking, Way::Spawned];
const ALL: &[Way] =
    &[Way::OneByOne, Way::Joined, Way::Carried, Way::Blocking, Way::Spawned, Way::Raced];

fn scripts() -> impl Strategy<Value = Vec<Answer>> {
    let answer = prop_oneof![
        2 => Just(Answer::Ok),
        1 => Just(Answer::Permanent),
        6 => Just(Answer::Transient),
        1 => Just(Answer::Conflict),
    ];
    prop::collection::vec(answer, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_that_fails_costs_one_call_a_leaf_and_one_for_every_retry_above_it(
        tree in trees(INHERITING, Just(Vec::new()), Just(false)),
    ) {
        // The bound in closed form: each function can spend its retries once in the whole tree.
        fn retries(node: &Node) -> usize {
            let below: usize = node.branches.iter().map(|branch| retries(branch)).sum();
            (ATTEMPTS as usize - 1) * node.leaves() + below
        }
        let expected = tree.leaves() + retries(&tree);
        prop_assert_eq!(tree.bound(false), expected);
        prop_assert_eq!(run_sync(&tree).0, expected);
        prop_assert_eq!(run_async(&tree).0, expected);
    }

    #[test]
    fn the_bound_holds_and_is_reached(
        tree in trees(COMPLETE, Just(Vec::new()), any::<bool>()),
    ) {
        prop_assert_eq!(run_sync(&tree).0, tree.bound(false));
        prop_assert_eq!(run_async(&tree).0, tree.bound(false));
    }

    #[test]
    fn whatever_the_leaves_answer_calls_and_answer_follow_the_rules(
        tree in trees(COMPLETE, scripts(), any::<bool>()),
    ) {
        let answer = answered(tree.expected(false));
        let expected = (tree.take_calls(), answer);
        prop_assert_eq!(&run_sync(&tree), &expected);
        prop_assert_eq!(&run_async(&tree), &expected);
        let conflicts = tree.any(|node| node.answers.contains(&Answer::Conflict));
        prop_assert!(conflicts || expected.0 <= tree.bound(false), "{expected:?}");
        prop_assert!(expected.0 <= tree.bound_of_conflicts());
    }

    #[test]
    fn a_race_never_costs_more_than_the_bound(
        tree in trees(ALL, scripts(), prop::bool::weighted(0.2)),
    ) {
        let conflicts = tree.any(|node| node.answers.contains(&Answer::Conflict));
        let bound = if conflicts { tree.bound_of_conflicts() } else { tree.bound(false) };
        let (calls, _) = run_async(&tree);
        prop_assert!(calls <= bound, "{calls} > {bound}");
    }

    #[test]
    fn attempts_multiply_where_all_allow_it_and_where_all_conflict(
        tree in trees(INHERITING, Just(Vec::new()), Just(true)),
        conflicting in trees(INHERITING, Just(vec![Answer::Conflict; 1000]), Just(false)),
    ) {
        prop_assert_eq!(run_sync(&tree).0, tree.bound_of_conflicts());
        prop_assert_eq!(run_async(&tree).0, tree.bound_of_conflicts());
        prop_assert_eq!(run_sync(&conflicting).0, conflicting.bound_of_conflicts());
        prop_assert_eq!(run_async(&conflicting).0, conflicting.bound_of_conflicts());
    }

    #[test]
    fn a_chain_of_n_layers_costs_n_times_k_minus_one_and_one(
        ways in prop::collection::vec(prop::sample::select(INHERITING), 0..6),
    ) {
        let layers = ways.len() + 1;
        let chain = ways.into_iter().fold(Node::leaf(Vec::new()), |chain, way| {
            Node::above(vec![chain], way)
        });
        let (chain, expected) = (Arc::new(chain), layers * (ATTEMPTS as usize - 1) + 1);
        prop_assert_eq!(run_sync(&chain).0, expected);
        prop_assert_eq!(run_async(&chain).0, expected);
    }
}

#[test]
fn three_layers_of_three_attempts_are_seven_calls() {
    let chain = Node::above(vec![Node::leaf(Vec::new())], Way::OneByOne);
    let chain = Arc::new(Node::above(vec![chain], Way::OneByOne));
    assert_eq!((run_sync(&chain).0, run_async(&chain).0), (7, 7));
    assert_eq!(chain.bound_of_conflicts(), 27, "without suppression");
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

/// A trace: what each attempt of one function was told to answer, and the delays that came of it.
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
