//! A call of an async function, and one attempt of it.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

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
use crate::outcome::Outcome;
use crate::policy::RetryPolicy;
use crate::telemetry::event::RetryEvent;
use crate::time::Timestamp;

/// A call of an async function. It is a part of every future, so it has no room for what nobody asks.
#[derive(Debug)]
pub struct Polled<B: Begun = Untimed> {
    /// `None` until the first failure, unless the calls below are to know of this one from the start.
    track: Option<Track>,
    operation: &'static Operation,
    begun: B,
}

/// When a call began, if that is known.
pub trait Begun {
    /// The moment; zero where nobody asks.
    #[doc(hidden)]
    fn started(&self) -> Timestamp;
}

/// Nobody asks when the call began, except metrics.
#[derive(Debug)]
pub struct Untimed {
    #[cfg(feature = "metrics")]
    started: Timestamp,
}

impl Untimed {
    #[inline]
    fn new() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            started: clock::now(),
        }
    }
}

impl Begun for Untimed {
    #[inline]
    fn started(&self) -> Timestamp {
        #[cfg(feature = "metrics")]
        return self.started;
        #[cfg(not(feature = "metrics"))]
        return Timestamp::ZERO;
    }
}

/// A call with a `deadline` or a `context` began then.
#[derive(Debug)]
pub struct Timed(Timestamp);

impl Begun for Timed {
    #[inline]
    fn started(&self) -> Timestamp {
        self.0
    }
}

impl Polled {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub fn new(operation: &'static Operation) -> Self {
        Self { track: None, operation, begun: Untimed::new() }
    }
}

impl Polled<Timed> {
    /// A call of a function with a `deadline` or a `context`.
    #[must_use]
    pub fn timed(operation: &'static Operation) -> Self {
        Self { track: Some(Track::FIRST), operation, begun: Timed(clock::now()) }
    }
}

impl<B: Begun> Polled<B> {
    /// The end of a call that succeeded. The operation comes along as the constant it is. The caller
    /// forgets the call then, as after every other end.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        if self.track.is_some() || !operation.count_first() {
            succeeded(operation, self.begun.started(), &self.track);
        }
    }

    /// The end of a call whose attempt was cut off at the deadline.
    pub fn cut(&mut self, policy: &'static RetryPolicy) {
        let track = self.track.unwrap_or(Track::FIRST);
        let class = Classification::retryable().kind(Kind::Timeout);
        let error = &AttemptTimeout::DEADLINE;
        step::cut(self.operation, self.begun.started(), track, policy, class, error);
    }

    /// The step after an attempt: the delay before the next one, or `None` at the end of the call,
    /// which is told. `explain` classifies an error and finds its text.
    #[inline]
    pub fn step<T: Outcome>(
        &mut self,
        operation: &'static Operation,
        policy: &'static RetryPolicy,
        outcome: &T,
        explain: impl Fn(&T::Error) -> (Classification, Option<&dyn Display>),
    ) -> Option<Duration> {
        match outcome.error() {
            None => {
                self.succeeded(operation);
                None
            }
            Some(error) => {
                let started = self.begun.started();
                failed(self.operation, started, &mut self.track, policy, error, &explain)
            }
        }
    }

    /// [`failed`](Self::failed) with all that a decision may ask.
    #[inline]
    pub fn failed_with(
        &mut self,
        policy: &'static RetryPolicy,
        failed: &Failed<'_>,
    ) -> Option<Duration> {
        let failure = Failure::Classified(failed.class);
        self.stepped(policy, failure, &failed.into())
    }

    /// The step after a value that is to be polled again.
    #[inline]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        let around = Around::default();
        self.stepped(policy, Failure::Poll, &around)
    }

    /// The step after a call that the circuit rejected.
    #[inline]
    pub fn rejected(
        &mut self,
        policy: &'static RetryPolicy,
        open: CircuitOpen,
    ) -> Option<Duration> {
        let track = self.track.get_or_insert(Track::FIRST);
        step::rejected(self.operation, self.begun.started(), track, policy, open)
            .map(Duration::from_nanos)
    }

    /// The end of a call that the circuit rejected and a fallback answers.
    #[inline]
    pub fn fell_back(&mut self, open: CircuitOpen) {
        super::fell_back(self.operation, self.begun.started(), self.track, open);
    }

    /// The delay has passed: the next attempt begins.
    #[inline]
    pub fn resume(&mut self) {
        if let Some(track) = &mut self.track {
            track.resume();
        }
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy, key: IdempotencyKey) -> Attempt {
        super::attempt(self.track.as_ref(), self.begun.started(), policy, key)
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
        super::event(self.operation, self.track.as_ref(), policy, class, delay, error)
    }

    /// Runs one attempt.
    #[inline]
    pub fn run<F: Future>(&mut self, policy: &'static RetryPolicy, body: F) -> Running<'_, F, B> {
        Running { body, call: self, policy }
    }

    /// Runs one attempt that `attempt_timeout` or `deadline` may cut off, on a timer of `sleep`.
    #[inline]
    pub fn run_limited<'a, F: Future, S>(
        &'a mut self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> S,
    ) -> Limited<'a, Pin<&'a mut F>, B, S> {
        Limited::new(self.run(policy, body), sleep)
    }

    #[inline]
    fn stepped(
        &mut self,
        policy: &'static RetryPolicy,
        failure: Failure,
        around: &Around<'_>,
    ) -> Option<Duration> {
        stepped(self.operation, self.begun.started(), &mut self.track, policy, failure, around)
    }
}

impl<B: Begun> Drop for Polled<B> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        super::cancelled(self.operation, self.begun.started(), self.track);
    }
}

// By reference: a copy of the track would be made in every function.
#[cold]
#[inline(never)]
fn succeeded(operation: &'static Operation, started: Timestamp, track: &Option<Track>) {
    super::succeeded(operation, started, *track);
}

/// Compiled once for every type of error. The short way is that of a retry that nobody waits for, pays
/// or is told of.
#[cold]
#[inline(never)]
fn failed<E>(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Option<Track>,
    policy: &'static RetryPolicy,
    error: &E,
    explain: &dyn Fn(&E) -> (Classification, Option<&dyn Display>),
) -> Option<Duration> {
    let (class, text) = explain(error);
    let at_once = policy.at_once && class.is_retryable_without_hint() && super::is_quiet();
    if at_once && context::current() == Ambient::NOTHING {
        let track = track.get_or_insert(Track::FIRST);
        if track.attempt.get() < policy.max_attempts {
            track.attempt_started = UNSTAMPED;
            return Some(Duration::ZERO);
        }
    }
    let around = Around { error: text, ..Around::default() };
    stepped(operation, started, track, policy, Failure::Classified(class), &around)
}

#[cold]
#[inline(never)]
fn stepped(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Option<Track>,
    policy: &'static RetryPolicy,
    failure: Failure,
    around: &Around<'_>,
) -> Option<Duration> {
    let track = track.get_or_insert(Track::FIRST);
    step::step(operation, started, track, policy, failure, around).map(Duration::from_nanos)
}

pin_project! {
    /// One attempt of an async function: the body, polled in the light of what surrounds it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Running<'a, F, B: Begun> {
        #[pin]
        body: F,
        call: &'a mut Polled<B>,
        policy: &'static RetryPolicy,
    }
}

impl<F: Future, B: Begun> Future for Running<'_, F, B> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Held over the poll only: what suspends with the body must not stay on the thread.
        let entered = match &this.call.track {
            Some(track) => Some(enter(track, this.call.begun.started(), this.policy)),
            None => None,
        };
        let poll = this.body.poll(cx);
        if let Some(entered) = entered {
            leave(entered, &mut this.call.track, this.policy);
        }
        poll
    }
}

#[cold]
#[inline(never)]
fn enter(track: &Track, started: Timestamp, policy: &RetryPolicy) -> context::Entered {
    context::enter(track.ambient(policy, started))
}

/// Keeps the stamp that a call below may have set.
#[cold]
#[inline(never)]
fn leave(entered: context::Entered, track: &mut Option<Track>, policy: &RetryPolicy) {
    let until = context::current().suppressed_until;
    if let Some(track) = track
        && track.attempt_started == UNSTAMPED
        && until != Timestamp::MAX
    {
        track.attempt_started = until.as_nanos().saturating_sub(policy.ceiling_nanos()).max(1);
    }
    drop(entered);
}

impl<F, B: Begun> Running<'_, F, B> {
    /// What is left for the running attempt, and what ends it, if anything does.
    #[inline]
    pub(super) fn left(&self) -> Option<(Duration, Limit)> {
        left(self.call.begun.started(), self.policy)
    }
}

#[cold]
#[inline(never)]
fn left(started: Timestamp, policy: &RetryPolicy) -> Option<(Duration, Limit)> {
    let outer = context::current();
    let deadline =
        if policy.soft_deadline { outer.deadline } else { super::deadline(policy, started, outer) };
    let until_deadline = deadline.saturating_since(clock::now());
    match policy.attempt_timeout {
        Some(timeout) if deadline == Timestamp::MAX || timeout < until_deadline => {
            Some((timeout, Limit::Attempt(timeout)))
        }
        _ if deadline == Timestamp::MAX => None,
        _ => Some((until_deadline, Limit::Deadline)),
    }
}
