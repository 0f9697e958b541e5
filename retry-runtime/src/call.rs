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
use crate::shard;
use crate::telemetry::event::RetryEvent;
use crate::telemetry::{log::Ended, report, snapshot, tell};
use crate::testing;
use crate::time::{Timestamp, nanos};

/// The state of a call. `X` is what a synchronous call holds while an attempt runs; an async one
/// holds it for a poll only, and not here.
#[derive(Debug)]
struct Core<X> {
    /// `None` once the call has ended and was told.
    operation: Option<&'static Operation>,
    /// `None` until the first failure, unless the function wants a clock from the start.
    running: Option<(Track, X)>,
}

#[derive(Clone, Copy, Debug)]
struct Track {
    /// The attempt that runs now, or the one that a sleep follows; the first is 1.
    attempt: NonZeroU32,
    /// The next attempt has been granted and not begun.
    waiting: bool,
    /// Nanoseconds: the delay before this attempt, all delays so far, the moments at which the call
    /// and this attempt began.
    previous_delay: u64,
    slept: u64,
    started: u64,
    /// `UNSTAMPED` where nobody has asked yet.
    attempt_started: u64,
}

/// Marks a `previous_delay` that followed a poll. No real delay is that long.
const POLLED: u64 = 1 << 63;

/// An attempt that began at once: the clock is read when the first call below it asks.
const UNSTAMPED: u64 = 0;

impl Track {
    const fn begin(now: Timestamp) -> Self {
        Self {
            attempt: NonZeroU32::MIN,
            waiting: false,
            previous_delay: 0,
            slept: 0,
            started: now.as_nanos(),
            attempt_started: now.as_nanos(),
        }
    }

    fn deadline(&self, policy: &RetryPolicy, outer: Ambient) -> Timestamp {
        let own = policy.deadline.map_or(Timestamp::MAX, |deadline| {
            Timestamp::from_nanos(self.started).saturating_add(deadline)
        });
        own.min(outer.deadline)
    }

    /// What the calls below this attempt are to know.
    fn ambient(&self, policy: &RetryPolicy) -> Ambient {
        let outer = context::current();
        // Polls suppress nothing below.
        let retrying = self.attempt.get() > 1 && self.previous_delay & POLLED == 0;
        let suppressed_until = if !retrying {
            outer.suppressed_until
        } else if self.attempt_started == UNSTAMPED {
            Timestamp::MAX
        } else {
            let until =
                Timestamp::from_nanos(self.attempt_started).saturating_add(policy.ceiling());
            outer.suppressed_until.max(until)
        };
        Ambient { suppressed_until, deadline: self.deadline(policy, outer) }
    }
}

impl<X: Default> Core<X> {
    #[inline]
    const fn new(operation: &'static Operation) -> Self {
        Self { operation: Some(operation), running: None }
    }

    fn timed(operation: &'static Operation) -> Self {
        let running = Some((Track::begin(clock::now()), X::default()));
        Self { operation: Some(operation), running }
    }

    /// The inlined end of a call that succeeded. The operation comes along as the constant it is,
    /// and the caller forgets the call, so that nothing is left to check.
    #[inline]
    fn succeeded(&mut self, operation: &'static Operation) {
        if self.running.is_some() || !operation.count_first() {
            self.succeeded_slowly();
        }
    }

    #[cold]
    #[inline(never)]
    fn succeeded_slowly(&mut self) {
        if let Some(operation) = self.operation.take() {
            succeeded_slowly(operation, self.running.take().map(|(track, _)| track));
        }
    }

    /// The running attempt has failed: what it held is let go first, so that the decision is made
    /// in the light of what surrounds the call.
    fn failed(
        &mut self,
        policy: &'static RetryPolicy,
        failure: Failure,
        error: Option<&dyn Display>,
    ) -> Option<Duration> {
        let operation = self.operation?;
        let (track, running) =
            self.running.get_or_insert_with(|| (Track::begin(Timestamp::ZERO), X::default()));
        *running = X::default();
        let delay = step(operation, track, policy, failure, error);
        if delay.is_none() {
            self.operation = None;
        }
        delay
    }

    /// The delay has passed: the next attempt begins.
    fn resume(&mut self) {
        if let Some((track, _)) = &mut self.running
            && std::mem::take(&mut track.waiting)
        {
            track.attempt = track.attempt.saturating_add(1);
        }
    }

    fn attempt(&self, policy: &RetryPolicy) -> Attempt {
        let track = match &self.running {
            Some((track, _)) => *track,
            None => Track::begin(clock::now()),
        };
        let deadline = track.deadline(policy, context::current());
        Attempt::new(track.attempt, policy.max_attempts, track.started, deadline)
    }

    fn event<'a>(
        &self,
        policy: &'static RetryPolicy,
        classification: Option<Classification>,
        delay: Duration,
        error: Option<&'a dyn Display>,
    ) -> RetryEvent<'a> {
        RetryEvent {
            operation: self.operation.map_or("", |operation| operation.name),
            attempt: self.running.as_ref().map_or(1, |(track, _)| track.attempt.get()),
            max_attempts: policy.max_attempts,
            delay,
            classification,
            error,
        }
    }
}

/// A call that ends without a word was dropped by its caller, or its body panicked.
impl<X> Drop for Core<X> {
    #[inline]
    fn drop(&mut self) {
        if let Some(operation) = self.operation {
            cancelled(operation, self.running.take().map(|(track, _)| track));
        }
    }
}

#[cold]
#[inline(never)]
fn cancelled(operation: &'static Operation, track: Option<Track>) {
    end(operation, StopReason::Cancelled, track.unwrap_or(Track::begin(Timestamp::ZERO)));
}

#[cold]
#[inline(never)]
fn succeeded_slowly(operation: &'static Operation, track: Option<Track>) {
    match track {
        Some(track) if track.attempt.get() > 1 => end(operation, StopReason::Ok, track),
        _ => {
            StateRef::of(operation).count_first_slowly();
            let started = track.map_or(0, |track| track.started);
            tell::attempt(operation, "ok");
            let ended = tell::Ended::Stopped(StopReason::Ok, 1);
            tell::call_ended(operation, ended, Timestamp::from_nanos(started), clock::now);
            if shard::watched() {
                observe_end(operation, StopReason::Ok, 1, Duration::ZERO);
            }
        }
    }
}

/// Counts and tells the end of a call.
fn end(operation: &'static Operation, reason: StopReason, track: Track) {
    let state = StateRef::of(operation);
    snapshot::see(operation, &state);
    let slept = Duration::from_nanos(track.slept);
    state.count_end(reason, track.attempt.get(), slept);
    match reason {
        StopReason::Ok => tell::attempt(operation, "ok"),
        // A sleep that is cut short follows an attempt that was told.
        StopReason::Cancelled if !track.waiting => tell::attempt(operation, "cancelled"),
        _ => {}
    }
    let ended = tell::Ended::Stopped(reason, track.attempt.get());
    tell::call_ended(operation, ended, Timestamp::from_nanos(track.started), clock::now);
    if shard::watched() {
        observe_end(operation, reason, track.attempt.get(), slept);
    }
}

/// The step after a failed attempt: the next one and the delay before it, or `None` to stop.
#[inline(never)]
fn step(
    operation: &'static Operation,
    track: &mut Track,
    policy: &'static RetryPolicy,
    failure: Failure,
    error: Option<&dyn Display>,
) -> Option<Duration> {
    let outer = context::current();
    let watched = shard::watched();
    let mut now = Now::default();
    let attempt = track.attempt.get();
    let mut progress = Progress {
        attempts: attempt - 1,
        previous_delay: Duration::from_nanos(track.previous_delay & !POLLED),
    };
    let deadline = track.deadline(policy, outer);
    let suppressed =
        outer.suppressed_until > Timestamp::ZERO && context::stamped(outer, now.get()) > now.get();
    let situation = Situation {
        // Without a deadline the moment changes nothing.
        now: if deadline == Timestamp::MAX { Timestamp::ZERO } else { now.get() },
        deadline,
        suppressed,
        random: if policy.draws() || failure.hint().is_some() { random::next() } else { 0 },
    };
    let decision = engine::decide(policy, &mut progress, failure, &situation, || {
        policy.budget.is_unlimited() || withdraw(policy, &StateRef::of(operation), now.get())
    });
    if watched && let Failure::Classified(class) = failure {
        report::failed(operation, class);
    }
    tell::attempt(operation, failure.as_str());
    let line = Ended { operation, policy, attempt, failure, error };
    match decision {
        Decision::Retry { delay } => {
            tell::delay(operation, delay);
            line.retrying(delay, &mut now);
            if watched {
                let operation = operation.name;
                testing::record(testing::Event::Retried { operation, attempt, delay });
            }
            let poll = if failure == Failure::Poll { POLLED } else { 0 };
            track.previous_delay = nanos(delay).min(POLLED - 1) | poll;
            track.slept = track.slept.saturating_add(nanos(delay));
            track.waiting = true;
            track.attempt_started = if delay.is_zero() {
                UNSTAMPED
            } else {
                now.get().saturating_add(delay).as_nanos()
            };
            Some(delay)
        }
        Decision::Stop(reason) => {
            line.stopped(reason, &mut now);
            end(operation, reason, *track);
            None
        }
    }
}

/// The clock, read at most once, and only if somebody asks.
#[derive(Default)]
pub(crate) struct Now(Option<Timestamp>);

impl Now {
    pub(crate) fn get(&mut self) -> Timestamp {
        *self.0.get_or_insert_with(clock::now)
    }
}

/// The counters of an operation: a test scope's own, else the function's.
pub(crate) enum StateRef {
    Scope(Arc<State>),
    Own(&'static State),
}

impl StateRef {
    pub(crate) fn of(operation: &'static Operation) -> Self {
        if !shard::watched() {
            return Self::Own(operation.state);
        }
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
pub struct Blocking(Core<Option<context::Entered>>);

impl Blocking {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub const fn new(operation: &'static Operation) -> Self {
        Self(Core::new(operation))
    }

    /// A call of a function with a `deadline` or a `context`.
    #[cold]
    #[must_use]
    pub fn timed(operation: &'static Operation, policy: &'static RetryPolicy) -> Self {
        let mut call = Self(Core::timed(operation));
        call.enter(policy);
        call
    }

    /// Tells the calls below what surrounds them.
    fn enter(&mut self, policy: &'static RetryPolicy) {
        if let Some((track, entered)) = &mut self.0.running {
            *entered = Some(context::enter(track.ambient(policy)));
        }
    }

    /// The end of a call that succeeded. The caller forgets the call then.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        self.0.succeeded(operation);
    }

    /// The step after a failed attempt: the delay before the next one; `None` ends the call.
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

    /// [`failed`](Self::failed) and [`pause`](Self::pause) in one, for a function without a hook
    /// between them: whether to go on.
    #[cold]
    #[inline(never)]
    pub fn again(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> bool {
        let Some(delay) = self.0.failed(policy, Failure::Classified(class), error) else {
            return false;
        };
        self.pause(policy, delay);
        true
    }

    /// The step after a value that is to be polled again.
    #[cold]
    #[inline(never)]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        self.0.failed(policy, Failure::Poll, None)
    }

    /// Sleeps, and tells the calls below that a retry is under way.
    #[cold]
    #[inline(never)]
    pub fn pause(&mut self, policy: &'static RetryPolicy, delay: Duration) {
        if !delay.is_zero() {
            sleep::block(delay);
        }
        self.0.resume();
        self.enter(policy);
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
}

/// A call of an async function.
#[derive(Debug)]
pub struct Polled(Core<()>);

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

    /// The end of a call that succeeded. The caller forgets the call then.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        self.0.succeeded(operation);
    }

    /// The end of a call whose attempt was cut off at the deadline.
    #[cold]
    #[inline(never)]
    pub fn cut(&mut self, policy: &'static RetryPolicy) {
        let Some(operation) = self.0.operation.take() else { return };
        let class = Classification::retryable().kind(Kind::Timeout);
        let track = self.0.running.map_or(Track::begin(Timestamp::ZERO), |(track, ())| track);
        if shard::watched() {
            report::failed(operation, class);
        }
        let line = Ended {
            operation,
            policy,
            attempt: track.attempt.get(),
            failure: Failure::Classified(class),
            error: Some(&AttemptTimeout::DEADLINE),
        };
        line.stopped(StopReason::Deadline, &mut Now::default());
        tell::attempt(operation, "timeout");
        end(operation, StopReason::Deadline, track);
    }

    /// The step after a failed attempt: the delay before the next one; `None` ends the call.
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

    /// The delay has passed: the next attempt begins.
    #[cold]
    #[inline(never)]
    pub fn resume(&mut self) {
        self.0.resume();
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
        &'a mut self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut F>,
    ) -> Running<'a, F> {
        Running { body, call: self, policy }
    }

    /// Runs one attempt that `attempt_timeout` or `deadline` may cut off, on a timer of `sleep`.
    #[inline]
    pub fn run_limited<'a, F: Future, S>(
        &'a mut self,
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
    call: &'a mut Polled,
    policy: &'static RetryPolicy,
}

impl<F: Future> Future for Running<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        match &mut this.call.0.running {
            None => this.body.as_mut().poll(cx),
            Some((track, ())) => {
                // Held over the poll only: what suspends with the body must not stay on the thread.
                let entered = enter(track, this.policy);
                let poll = this.body.as_mut().poll(cx);
                leave(entered, track, this.policy);
                poll
            }
        }
    }
}

#[cold]
#[inline(never)]
fn enter(track: &Track, policy: &RetryPolicy) -> context::Entered {
    context::enter(track.ambient(policy))
}

/// Keeps the stamp that a call below may have set.
#[cold]
#[inline(never)]
fn leave(entered: context::Entered, track: &mut Track, policy: &RetryPolicy) {
    let until = context::current().suppressed_until;
    if track.attempt_started == UNSTAMPED && until != Timestamp::MAX {
        track.attempt_started = until.as_nanos().saturating_sub(nanos(policy.ceiling())).max(1);
    }
    drop(entered);
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

impl Core<()> {
    /// What is left for the running attempt, and what ends it, if anything does.
    #[cold]
    #[inline(never)]
    fn left(&self, policy: &RetryPolicy) -> Option<(Duration, Limit)> {
        let now = clock::now();
        let deadline = match &self.running {
            Some((track, ())) if !policy.soft_deadline => {
                track.deadline(policy, context::current())
            }
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
