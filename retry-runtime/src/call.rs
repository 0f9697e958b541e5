//! One call of an annotated function: what it carries from attempt to attempt, and the step from a
//! failure to the next attempt. Everything slow is in functions that are not generic.
//!
//! A call that succeeds at once touches none of it but [`Core::new`] and a counter.

use std::fmt::Display;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::attempt::{Attempt, AttemptTimeout, Limit};
use crate::budget::{self, RetryBudget};
use crate::classify::{Classification, Kind};
use crate::context::{self, Ambient};
use crate::drivers::{clock, random, sleep};
use crate::engine::{self, Decision, Failure, Progress, Situation, StopReason};
use crate::operation::{Operation, State};
use crate::policy::{BudgetSource, RetryPolicy};
use crate::telemetry::event::RetryEvent;
use crate::telemetry::{log::Ended, report, snapshot};
use crate::testing;
use crate::time::{Timestamp, nanos};

/// The state of a call that both kinds of function share.
#[derive(Debug)]
pub(crate) struct Core {
    operation: &'static Operation,
    /// `None` until the first failure, unless the function wants a clock from the start.
    track: Option<Track>,
}

#[derive(Clone, Copy, Debug)]
struct Track {
    /// The attempt that runs now; the first is 1.
    attempt: NonZeroU32,
    /// Nanoseconds: the delay before this attempt, all delays so far, the moments at which the call
    /// and this attempt began.
    previous_delay: u64,
    slept: u64,
    started: u64,
    attempt_started: u64,
}

impl Track {
    fn begin(now: Timestamp) -> Self {
        Self {
            attempt: NonZeroU32::MIN,
            previous_delay: 0,
            slept: 0,
            started: now.as_nanos(),
            attempt_started: now.as_nanos(),
        }
    }

    fn deadline(&self, policy: &RetryPolicy) -> Timestamp {
        let own = policy.deadline.map_or(Timestamp::MAX, |deadline| {
            Timestamp::from_nanos(self.started).saturating_add(deadline)
        });
        own.min(context::current().deadline)
    }

    /// What the calls below this attempt are to know, if anything.
    fn ambient(&self, policy: &RetryPolicy) -> Ambient {
        let outer = context::current();
        let retrying = self.attempt.get() > 1 && self.previous_is_retry();
        let until = Timestamp::from_nanos(self.attempt_started).saturating_add(policy.ceiling());
        Ambient {
            suppressed_until: if retrying {
                outer.suppressed_until.max(until)
            } else {
                outer.suppressed_until
            },
            deadline: self.deadline(policy),
        }
    }

    /// Polls leave `previous_delay` at its mark: they suppress nothing below.
    fn previous_is_retry(&self) -> bool {
        self.previous_delay & POLLED == 0
    }
}

/// Marks a `previous_delay` that followed a poll. No real delay is that long.
const POLLED: u64 = 1 << 63;

impl Core {
    #[inline]
    const fn new(operation: &'static Operation) -> Self {
        Self { operation, track: None }
    }

    #[cold]
    fn timed(operation: &'static Operation) -> Self {
        Self { operation, track: Some(Track::begin(clock::now())) }
    }

    /// The inlined end of a call that succeeded.
    #[inline]
    fn succeeded(self) {
        if self.track.is_some() || !self.operation.state.count_first() {
            return self.succeeded_slowly();
        }
        std::mem::forget(self);
    }

    #[cold]
    #[inline(never)]
    fn succeeded_slowly(mut self) {
        match self.track {
            Some(track) if track.attempt.get() > 1 => self.end(StopReason::Ok, track),
            track => {
                let attempts = track.map_or(1, |track| track.attempt.get());
                self.track = None;
                match testing::state(self.operation) {
                    Some(state) => state.count_first_slowly(),
                    None => self.operation.state.count_first_slowly(),
                }
                observe_end(self.operation, StopReason::Ok, attempts, Duration::ZERO);
            }
        }
        std::mem::forget(self);
    }

    /// Counts and tells the end of a call. The caller forgets `self` afterwards or never had it.
    fn end(&mut self, reason: StopReason, track: Track) {
        let state = StateRef::of(self.operation);
        snapshot::see(self.operation, &state);
        let slept = Duration::from_nanos(track.slept);
        state.count_end(reason, track.attempt.get(), slept);
        observe_end(self.operation, reason, track.attempt.get(), slept);
    }

    /// The step after a failed attempt: the delay before the next one, or `None` to stop.
    #[cold]
    #[inline(never)]
    fn failed(
        &mut self,
        policy: &'static RetryPolicy,
        failure: Failure,
        error: Option<&dyn Display>,
    ) -> Option<Duration> {
        let now = clock::now();
        let mut track = self.track.unwrap_or_else(|| Track::begin(now));
        let state = StateRef::of(self.operation);
        let attempt = track.attempt.get();
        let mut progress = Progress {
            attempts: attempt - 1,
            previous_delay: Duration::from_nanos(track.previous_delay & !POLLED),
        };
        let situation = Situation {
            now,
            deadline: track.deadline(policy),
            suppressed: context::current().suppressed_until > now,
            random: random::next(),
        };
        let decision = engine::decide(policy, &mut progress, failure, &situation, || {
            withdraw(policy, &state, now)
        });
        if let Failure::Classified(class) = failure {
            report::failed(self.operation, class);
        }
        let line =
            Ended { operation: self.operation, state: &state, policy, attempt, failure, error };
        match decision {
            Decision::Retry { delay } => {
                line.retrying(delay, now);
                testing::record(testing::Event::Retried {
                    operation: self.operation.name,
                    attempt,
                    delay,
                });
                let poll = if failure == Failure::Poll { POLLED } else { 0 };
                track.previous_delay = nanos(delay).min(POLLED - 1) | poll;
                track.slept = track.slept.saturating_add(nanos(delay));
                track.attempt = track.attempt.saturating_add(1);
                track.attempt_started = now.saturating_add(delay).as_nanos();
                self.track = Some(track);
                Some(delay)
            }
            Decision::Stop(reason) => {
                line.stopped(reason, now);
                self.end(reason, track);
                None
            }
        }
    }

    /// The end of a call whose attempt was cut off at the deadline.
    #[cold]
    #[inline(never)]
    fn cut(mut self, policy: &'static RetryPolicy) {
        let now = clock::now();
        let track = self.track.unwrap_or_else(|| Track::begin(now));
        let class = Classification::retryable().kind(Kind::Timeout);
        report::failed(self.operation, class);
        let line = Ended {
            operation: self.operation,
            state: &StateRef::of(self.operation),
            policy,
            attempt: track.attempt.get(),
            failure: Failure::Classified(class),
            error: Some(&AttemptTimeout::DEADLINE),
        };
        line.stopped(StopReason::Deadline, now);
        self.end(StopReason::Deadline, track);
        std::mem::forget(self);
    }

    fn attempt(&self, policy: &RetryPolicy) -> Attempt {
        let track = self.track.unwrap_or_else(|| Track::begin(clock::now()));
        Attempt::new(track.attempt, policy.max_attempts, track.started, track.deadline(policy))
    }
}

/// A call that ends without a word was dropped by its caller, or its body panicked.
impl Drop for Core {
    #[cold]
    fn drop(&mut self) {
        let track = self.track.unwrap_or_else(|| Track::begin(Timestamp::ZERO));
        self.end(StopReason::Cancelled, track);
    }
}

/// The counters of an operation: a test scope's own, else the function's.
enum StateRef {
    Scope(Arc<State>),
    Own(&'static State),
}

impl StateRef {
    fn of(operation: &'static Operation) -> Self {
        testing::state(operation).map_or(Self::Own(operation.state), Self::Scope)
    }
}

impl std::ops::Deref for StateRef {
    type Target = State;

    fn deref(&self) -> &State {
        match self {
            Self::Scope(state) => state,
            Self::Own(state) => state,
        }
    }
}

fn observe_end(operation: &'static Operation, reason: StopReason, attempts: u32, slept: Duration) {
    report::ended(operation, reason, attempts, slept);
    testing::record(testing::Event::Ended { operation: operation.name, attempts, reason });
}

fn withdraw(policy: &RetryPolicy, state: &State, now: Timestamp) -> bool {
    match policy.budget {
        BudgetSource::Unlimited => true,
        BudgetSource::Shared(budget) => withdraw_shared(budget, state, now),
        BudgetSource::Named(name, own) => withdraw_shared(budget::named(name, own), state, now),
        // The running call counts, too: it is what asks.
        BudgetSource::Own => {
            state.budget.acquire_at(now, state.calls() + 1, policy.max_attempts.saturating_sub(1))
        }
    }
}

/// In a test scope, from the scope's own copy.
fn withdraw_shared(budget: &'static RetryBudget, state: &State, now: Timestamp) -> bool {
    let own = testing::budget(budget);
    let budget = own.as_deref().unwrap_or(budget);
    budget.deposit(state.new_calls());
    budget.acquire_at(now)
}

/// A call of a synchronous function.
#[derive(Debug)]
pub struct Blocking {
    /// Restored before the core ends, so that the end is not seen from inside the attempt.
    entered: Option<context::Entered>,
    core: Core,
}

impl Blocking {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub const fn new(operation: &'static Operation) -> Self {
        Self { entered: None, core: Core::new(operation) }
    }

    /// A call of a function with a `deadline` or a `context`.
    #[cold]
    #[must_use]
    pub fn timed(operation: &'static Operation, policy: &'static RetryPolicy) -> Self {
        let core = Core::timed(operation);
        let entered = core.track.map(|track| context::enter(track.ambient(policy)));
        Self { entered, core }
    }

    /// The end of a call that succeeded.
    #[inline]
    pub fn succeeded(self) {
        if self.entered.is_some() {
            return self.succeeded_slowly();
        }
        let Self { entered, core } = self;
        std::mem::forget(entered);
        core.succeeded();
    }

    #[cold]
    #[inline(never)]
    fn succeeded_slowly(self) {
        let Self { entered, core } = self;
        drop(entered);
        core.succeeded_slowly();
    }

    /// The end of a call that was told to stop.
    #[inline]
    pub fn stopped(self) {
        let Self { entered, core } = self;
        drop(entered);
        std::mem::forget(core);
    }

    /// The step after a failed attempt: the delay before the next one, or `None` to stop.
    #[cold]
    #[inline(never)]
    pub fn failed(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> Option<Duration> {
        self.entered = None;
        self.core.failed(policy, Failure::Classified(class), error)
    }

    /// The step after a value that is to be polled again.
    #[cold]
    #[inline(never)]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        self.entered = None;
        self.core.failed(policy, Failure::Poll, None)
    }

    /// Sleeps, and tells the calls below that a retry is under way.
    #[cold]
    #[inline(never)]
    pub fn pause(&mut self, policy: &'static RetryPolicy, delay: Duration) {
        sleep::block(delay);
        self.entered = self.core.track.map(|track| context::enter(track.ambient(policy)));
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy) -> Attempt {
        self.core.attempt(policy)
    }

    /// What a hook is told.
    #[must_use]
    pub fn event<'a>(
        &self,
        policy: &'static RetryPolicy,
        class: Option<Classification>,
        delay: Duration,
        error: Option<&'a dyn Display>,
    ) -> RetryEvent<'a> {
        self.core.event(policy, class, delay, error)
    }
}

impl Core {
    fn event<'a>(
        &self,
        policy: &'static RetryPolicy,
        classification: Option<Classification>,
        delay: Duration,
        error: Option<&'a dyn Display>,
    ) -> RetryEvent<'a> {
        RetryEvent {
            operation: self.operation.name,
            // The call has moved on to the next attempt already.
            attempt: self.track.map_or(1, |track| track.attempt.get().saturating_sub(1)),
            max_attempts: policy.max_attempts,
            delay,
            classification,
            error,
        }
    }
}

/// A call of an async function.
#[derive(Debug)]
pub struct Polled(Core);

impl Polled {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub const fn new(operation: &'static Operation) -> Self {
        Self(Core::new(operation))
    }

    /// A call of a function with a `deadline` or a `context`.
    #[cold]
    #[must_use]
    pub fn timed(operation: &'static Operation) -> Self {
        Self(Core::timed(operation))
    }

    /// The end of a call that succeeded.
    #[inline]
    pub fn succeeded(self) {
        self.0.succeeded();
    }

    /// The end of a call that was told to stop.
    #[inline]
    pub fn stopped(self) {
        std::mem::forget(self.0);
    }

    /// The end of a call whose attempt was cut off at the deadline.
    pub fn cut(self, policy: &'static RetryPolicy) {
        self.0.cut(policy);
    }

    /// The step after a failed attempt: the delay before the next one, or `None` to stop.
    #[cold]
    #[inline(never)]
    pub fn failed(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> Option<Duration> {
        self.0.failed(policy, Failure::Classified(class), error)
    }

    /// The step after a value that is to be polled again.
    #[cold]
    #[inline(never)]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        self.0.failed(policy, Failure::Poll, None)
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy) -> Attempt {
        self.0.attempt(policy)
    }

    /// What a hook is told.
    #[must_use]
    pub fn event<'a>(
        &self,
        policy: &'static RetryPolicy,
        class: Option<Classification>,
        delay: Duration,
        error: Option<&'a dyn Display>,
    ) -> RetryEvent<'a> {
        self.0.event(policy, class, delay, error)
    }

    /// Runs one attempt.
    #[inline]
    pub fn run<'a, F: Future>(
        &'a self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut F>,
    ) -> Running<'a, F> {
        Running { body, call: self, policy }
    }

    /// Runs one attempt that `attempt_timeout` or `deadline` may cut off, on a timer of `sleep`.
    #[inline]
    pub fn run_limited<'a, F: Future, S>(
        &'a self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> S,
    ) -> Limited<'a, F, S> {
        Limited { running: self.run(policy, body), sleep, timer: None }
    }
}

/// One attempt of an async function: the body, polled in the light of what surrounds it.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Running<'a, F> {
    body: Pin<&'a mut F>,
    call: &'a Polled,
    policy: &'static RetryPolicy,
}

impl<F: Future> Future for Running<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Held over the poll only: what suspends with the body must not stay on the thread.
        let _entered = match &self.call.0.track {
            None => None,
            Some(track) => Some(enter(track, self.policy)),
        };
        self.body.as_mut().poll(cx)
    }
}

#[cold]
#[inline(never)]
fn enter(track: &Track, policy: &RetryPolicy) -> context::Entered {
    context::enter(track.ambient(policy))
}

/// An attempt that may be cut off.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Limited<'a, F, S> {
    running: Running<'a, F>,
    sleep: fn(Duration) -> S,
    /// Armed when the body first waits.
    timer: Option<(S, Limit)>,
}

impl<F: Future, S: Future<Output = ()> + Unpin> Future for Limited<'_, F, S> {
    type Output = Result<F::Output, Limit>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = Pin::new(&mut this.running).poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if this.timer.is_none() {
            let Some((left, limit)) = this.running.call.0.left(this.running.policy) else {
                return Poll::Pending;
            };
            this.timer = Some(((this.sleep)(left), limit));
        }
        match &mut this.timer {
            Some((timer, limit)) => Pin::new(timer).poll(cx).map(|()| Err(*limit)),
            None => Poll::Pending,
        }
    }
}

impl Core {
    /// What is left for the running attempt, and what ends it, if anything does.
    #[cold]
    #[inline(never)]
    fn left(&self, policy: &RetryPolicy) -> Option<(Duration, Limit)> {
        let now = clock::now();
        let deadline = match &self.track {
            Some(track) if !policy.soft_deadline => track.deadline(policy),
            _ => context::current().deadline,
        };
        let until_deadline = deadline.saturating_since(now);
        match policy.attempt_timeout {
            Some(timeout) if deadline == Timestamp::MAX || timeout < until_deadline => {
                Some((timeout, Limit::Attempt(timeout)))
            }
            _ if deadline == Timestamp::MAX => None,
            _ => Some((until_deadline, Limit::Deadline)),
        }
    }
}
