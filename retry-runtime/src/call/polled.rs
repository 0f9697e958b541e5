//! A call of an async function, and one attempt of it.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::step::{self, Around};
use super::{Failed, Limited, Track, UNSTAMPED};
use crate::attempt::{Attempt, AttemptTimeout, Limit};
use crate::breaker::CircuitOpen;
use crate::classify::{Classification, Kind};
use crate::context::{self, Ambient};
use crate::drivers::clock;
use crate::engine::Failure;
use crate::idempotency_key::IdempotencyKey;
use crate::operation::Operation;
use crate::policy::RetryPolicy;
use crate::telemetry::event::RetryEvent;
use crate::time::Timestamp;

/// What a call remembers; `None` until the first failure, unless the function wants a clock from the
/// start.
#[derive(Debug)]
pub(super) struct State(Option<Track>);

/// A call of an async function.
#[derive(Debug)]
pub struct Polled {
    state: State,
    operation: &'static Operation,
}

impl Polled {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub fn new(operation: &'static Operation) -> Self {
        let track = cfg!(feature = "metrics").then(|| Track::begin(clock::now()));
        Self { state: State(track), operation }
    }

    /// A call of a function with a `deadline` or a `context`.
    #[must_use]
    pub fn timed(operation: &'static Operation) -> Self {
        Self { state: State(Some(Track::begin(clock::now()))), operation }
    }

    /// The end of a call that succeeded. The operation comes along as the constant it is. The caller
    /// forgets the call then, as after every other end.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        if self.state.0.is_some() || !operation.count_first() {
            succeeded(operation, &self.state);
        }
    }

    /// The end of a call whose attempt was cut off at the deadline.
    pub fn cut(&mut self, policy: &'static RetryPolicy) {
        let track = self.state.0.unwrap_or(Track::begin(Timestamp::ZERO));
        let class = Classification::retryable().kind(Kind::Timeout);
        step::cut(self.operation, track, policy, class, &AttemptTimeout::DEADLINE);
    }

    /// The step after a failed attempt: the delay before the next one, or `None` at the end of the
    /// call.
    #[inline]
    pub fn failed(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> Option<Duration> {
        failed::<()>(&mut self.state, self.operation, policy, class, error)
    }

    /// [`failed`](Self::failed) with all that a decision may ask.
    #[inline]
    pub fn failed_with(
        &mut self,
        policy: &'static RetryPolicy,
        failed: &Failed<'_>,
    ) -> Option<Duration> {
        let failure = Failure::Classified(failed.class);
        stepped(&mut self.state, self.operation, policy, failure, &failed.into())
    }

    /// The step after a value that is to be polled again.
    #[inline]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        let around = Around::default();
        stepped(&mut self.state, self.operation, policy, Failure::Poll, &around)
    }

    /// The step after a call that the circuit rejected.
    #[inline]
    pub fn rejected(
        &mut self,
        policy: &'static RetryPolicy,
        open: CircuitOpen,
    ) -> Option<Duration> {
        let track = begun(&mut self.state);
        step::rejected(self.operation, track, policy, open).map(Duration::from_nanos)
    }

    /// The end of a call that the circuit rejected and a fallback answers.
    #[inline]
    pub fn fell_back(&mut self, open: CircuitOpen) {
        super::fell_back(self.operation, self.state.0, open);
    }

    /// The delay has passed: the next attempt begins.
    #[inline]
    pub fn resume(&mut self) {
        if let Some(track) = &mut self.state.0 {
            track.resume();
        }
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy, key: IdempotencyKey) -> Attempt {
        super::attempt(self.state.0.as_ref(), policy, key)
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
        super::event(self.operation, self.state.0.as_ref(), policy, class, delay, error)
    }

    /// Runs one attempt.
    #[inline]
    pub fn run<'a, B: Future>(
        &'a mut self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut B>,
    ) -> Running<'a, B> {
        Running { body, state: &mut self.state, policy }
    }

    /// Runs one attempt that `attempt_timeout` or `deadline` may cut off, on a timer of `sleep`.
    #[inline]
    pub fn run_limited<'a, B: Future, S>(
        &'a mut self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut B>,
        sleep: fn(Duration) -> S,
    ) -> Limited<'a, B, S> {
        Limited::new(self.run(policy, body), sleep)
    }
}

impl Drop for Polled {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        super::cancelled(self.operation, self.state.0);
    }
}

// By reference: a copy of the state would be made in every function.
#[cold]
#[inline(never)]
fn succeeded(operation: &'static Operation, state: &State) {
    super::succeeded(operation, state.0);
}

fn begun(state: &mut State) -> &mut Track {
    state.0.get_or_insert_with(|| Track::begin(Timestamp::ZERO))
}

/// The short way of a retry that nobody waits for, pays or is told of. It calls nothing, so it saves
/// no registers; generic for no other reason than to be compiled where it is used, since
/// thread-locals of another crate would be such a call.
#[cold]
#[inline(never)]
#[expect(clippy::extra_unused_type_parameters, reason = "it says where it is compiled")]
fn failed<Here>(
    state: &mut State,
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    class: Classification,
    error: Option<&dyn Display>,
) -> Option<Duration> {
    let at_once = policy.at_once && class.is_retryable_without_hint() && super::is_quiet();
    if at_once && context::current() == Ambient::NOTHING {
        match &mut state.0 {
            None if policy.max_attempts > 1 => {
                state.0 = Some(Track::FIRST_AT_ONCE);
                return Some(Duration::ZERO);
            }
            Some(track) if track.attempt.get() < policy.max_attempts => {
                track.attempt_started = UNSTAMPED;
                return Some(Duration::ZERO);
            }
            _ => {}
        }
    }
    failed_slowly(state, operation, policy, class, error)
}

#[cold]
#[inline(never)]
fn failed_slowly(
    state: &mut State,
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    class: Classification,
    error: Option<&dyn Display>,
) -> Option<Duration> {
    let around = Around { error, ..Around::default() };
    stepped(state, operation, policy, Failure::Classified(class), &around)
}

#[cold]
#[inline(never)]
fn stepped(
    state: &mut State,
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    failure: Failure,
    around: &Around<'_>,
) -> Option<Duration> {
    step::step(operation, begun(state), policy, failure, around).map(Duration::from_nanos)
}

/// One attempt of an async function: the body, polled in the light of what surrounds it.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Running<'a, B> {
    body: Pin<&'a mut B>,
    state: &'a mut State,
    policy: &'static RetryPolicy,
}

impl<B: Future> Future for Running<'_, B> {
    type Output = B::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<B::Output> {
        let this = &mut *self;
        match &mut this.state.0 {
            None => this.body.as_mut().poll(cx),
            Some(track) => {
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
        track.attempt_started = until.as_nanos().saturating_sub(policy.ceiling_nanos()).max(1);
    }
    drop(entered);
}

impl<B> Running<'_, B> {
    /// What is left for the running attempt, and what ends it, if anything does.
    #[cold]
    #[inline(never)]
    pub(super) fn left(&self) -> Option<(Duration, Limit)> {
        let now = clock::now();
        let deadline = match &self.state.0 {
            Some(track) if !self.policy.soft_deadline => {
                track.deadline(self.policy, context::current())
            }
            _ => context::current().deadline,
        };
        let until_deadline = deadline.saturating_since(now);
        match self.policy.attempt_timeout {
            Some(timeout) if deadline == Timestamp::MAX || timeout < until_deadline => {
                Some((timeout, Limit::Attempt(timeout)))
            }
            _ if deadline == Timestamp::MAX => None,
            _ => Some((until_deadline, Limit::Deadline)),
        }
    }
}
