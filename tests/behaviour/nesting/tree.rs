//! Services that call services: a tree, how it is called sync and async, and what the rules demand
//! of it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use steadfast::propagate::{with_current, with_current_blocking};
use steadfast::{retry, testing};

use super::{Answer, Failure};

pub(super) const ATTEMPTS: u32 = 3;

/// A service that calls others, its branches, or is itself what fails.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) branches: Vec<Arc<Node>>,
    way: Way,
    /// Whether it says `nested = "allow"`.
    allow: bool,
    /// What a leaf answers, call by call, and then for ever `Transient`.
    pub(super) answers: Vec<Answer>,
    calls: Arc<AtomicUsize>,
}

/// How a service calls its branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
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
    pub(super) fn leaf(answers: Vec<Answer>) -> Self {
        Self {
            branches: Vec::new(),
            way: Way::OneByOne,
            allow: false,
            answers,
            calls: Arc::default(),
        }
    }

    pub(super) fn above(branches: Vec<Self>, way: Way) -> Self {
        let branches = branches.into_iter().map(Arc::new).collect();
        Self { branches, way, ..Self::leaf(Vec::new()) }
    }

    pub(super) fn allowing(self, allow: bool) -> Self {
        Self { allow, ..self }
    }

    pub(super) fn leaves(&self) -> usize {
        if self.branches.is_empty() { 1 } else { self.branches.iter().map(|it| it.leaves()).sum() }
    }

    /// Whether `test` holds for it or anything below.
    pub(super) fn any(&self, test: fn(&Self) -> bool) -> bool {
        test(self) || self.branches.iter().any(|branch| branch.any(test))
    }

    /// The calls of all leaves so far, which are forgotten.
    pub(super) fn take_calls(&self) -> usize {
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
    pub(super) fn bound(&self, suppressed: bool) -> usize {
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
    pub(super) fn bound_of_conflicts(&self) -> usize {
        let below = self.branches.iter().map(|branch| branch.bound_of_conflicts()).sum::<usize>();
        ATTEMPTS as usize * below.max(1)
    }

    /// The calls and the answer that the rules demand, without any of the library's code.
    pub(super) fn expected(&self, suppressed: bool) -> Answer {
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

pub(super) type Answered = Result<(), Failure>;

pub(super) fn answered(answer: Answer) -> Answered {
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
pub(super) fn run_sync(tree: &Arc<Node>) -> (usize, Answered) {
    let scope = testing::scope();
    SCOPE.set(Some(scope.handle()));
    let answer = sync(tree);
    (tree.take_calls(), answer)
}

pub(super) fn run_async(tree: &Arc<Node>) -> (usize, Answered) {
    let scope = testing::scope();
    SCOPE.set(Some(scope.handle()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = tokio::task::LocalSet::new().block_on(&runtime, future(tree));
    (tree.take_calls(), answer)
}
