//! A call of an async function.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::step::{self, Around};
use super::{Failed, Limited, Running, Stamp, Track};
use crate::attempt::{Attempt, AttemptTimeout};
use crate::breaker::CircuitOpen;
use crate::classify::find::TextFn;
use crate::classify::{Classification, Kind};
use crate::context::{self, Ambient};
use crate::drivers::clock;
use crate::engine::Failure;
use crate::idempotency_key::IdempotencyKey;
use crate::operation::Operation;
use crate::policy::RetryPolicy;
use crate::telemetry::event::RetryEvent;
use crate::time::Timestamp;
use crate::unlikely::unlikely;

/// A call of an async function. It is a part of every future, so it has no room for what nobody asks,
/// nor for what its type can tell.
pub struct Polled<S: Site> {
    /// `None` until the first failure, unless the calls below are to know of this one from the start.
    track: Option<Track>,
    site: S,
}

/// Whose call it is, and when it began.
pub trait Site {
    /// The function.
    fn operation(&self) -> &'static Operation;
    /// The moment; zero where nobody asks.
    #[doc(hidden)]
    fn started(&self) -> Timestamp;
}

/// Nobody asks when the call began, except metrics.
pub struct Untimed<O> {
    operation: O,
    #[cfg(feature = "metrics")]
    started: Timestamp,
}

impl<O: Fn() -> &'static Operation> Site for Untimed<O> {
    #[inline]
    fn operation(&self) -> &'static Operation {
        (self.operation)()
    }

    #[inline]
    fn started(&self) -> Timestamp {
        #[cfg(feature = "metrics")]
        return self.started;
        #[cfg(not(feature = "metrics"))]
        return Timestamp::ZERO;
    }
}

/// A call with a `deadline` or a `context`.
pub struct Timed<O> {
    operation: O,
    started: Timestamp,
}

impl<O: Fn() -> &'static Operation> Site for Timed<O> {
    #[inline]
    fn operation(&self) -> &'static Operation {
        (self.operation)()
    }

    #[inline]
    fn started(&self) -> Timestamp {
        self.started
    }
}

impl<O: Fn() -> &'static Operation> Polled<Untimed<O>> {
    /// A call that reads no clock until something fails. `operation` is a function, which takes no room.
    #[inline]
    #[must_use]
    pub fn new(operation: O) -> Self {
        let site = Untimed {
            operation,
            #[cfg(feature = "metrics")]
            started: clock::now(),
        };
        Self { track: None, site }
    }
}

impl<O: Fn() -> &'static Operation> Polled<Timed<O>> {
    /// A call of a function with a `deadline` or a `context`.
    #[must_use]
    pub fn timed(operation: O) -> Self {
        Self { track: Some(Track::FIRST), site: Timed { operation, started: clock::now() } }
    }
}

impl<S: Site> std::fmt::Debug for Polled<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polled").field("track", &self.track).finish_non_exhaustive()
    }
}

impl<S: Site> Polled<S> {
    /// The end of a call that succeeded. The operation comes along as the constant it is. The caller
    /// forgets the call then, as after every other end.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        if self.track.is_some() || !operation.count_first() {
            unlikely();
            succeeded::<()>(operation, self.site.started(), self.track);
        }
    }

    /// The end of a call whose attempt was cut off at the deadline.
    pub fn cut(&mut self, policy: &'static RetryPolicy) {
        let track = self.track.unwrap_or(Track::FIRST);
        let class = Classification::retryable().kind(Kind::Timeout);
        let error = &AttemptTimeout::DEADLINE;
        step::cut(self.site.operation(), self.site.started(), track, policy, class, error);
    }

    /// The step after an attempt: the delay before the next one, or `None` at the end of the call,
    /// which is told. `error` is that of the outcome, `explain` classifies it and finds its text.
    //
    // No bounds, here and below: a type that lacks a trait is told at the trait's own name in generated
    // code, and these functions are not named.
    #[inline]
    pub fn step<E>(
        &mut self,
        operation: &'static Operation,
        policy: &'static RetryPolicy,
        error: Option<&E>,
        explain: impl Fn(&E) -> (Classification, Option<&dyn Display>),
    ) -> Option<Duration> {
        match error {
            None => {
                self.succeeded(operation);
                None
            }
            Some(error) => {
                unlikely();
                let started = self.site.started();
                failed(operation, started, &mut self.track, policy, error, &explain)
            }
        }
    }

    /// The same for an error that classifies itself, by the function `classify` of its trait; `text`
    /// finds its text.
    //
    // Written out beside `step`: what both share, given a closure, costs three failures 84 instructions.
    #[inline]
    pub fn next<E>(
        &mut self,
        operation: &'static Operation,
        policy: &'static RetryPolicy,
        error: Option<&E>,
        classify: fn(&E) -> Classification,
        text: TextFn<E>,
    ) -> Option<Duration> {
        match error {
            None => {
                self.succeeded(operation);
                None
            }
            Some(error) => {
                unlikely();
                let started = self.site.started();
                let track = &mut self.track;
                failed_by_itself(operation, started, track, policy, error, classify, text)
            }
        }
    }

    /// A failed attempt with all that a decision may ask.
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
        let track = resumed(&mut self.track);
        step::rejected(self.site.operation(), self.site.started(), track, policy, open)
            .map(Duration::from_nanos)
    }

    /// The end of a call that the circuit rejected and a fallback answers.
    #[inline]
    pub fn fell_back(&mut self, open: CircuitOpen) {
        resumed(&mut self.track);
        super::fell_back(self.site.operation(), self.site.started(), self.track, open);
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&mut self, policy: &'static RetryPolicy, key: IdempotencyKey) -> Attempt {
        resumed(&mut self.track);
        super::attempt(self.track.as_ref(), self.site.started(), policy, key)
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
        super::event(self.site.operation(), self.track.as_ref(), policy, class, delay, error)
    }

    /// Runs one attempt.
    #[inline]
    pub fn run<F: Future>(&mut self, policy: &'static RetryPolicy, body: F) -> Running<'_, F> {
        let started = self.site.started();
        Running::new(body, &mut self.track, policy, started)
    }

    /// Runs one attempt that `attempt_timeout` or `deadline` may cut off, on a timer of `sleep`.
    #[inline]
    pub fn run_limited<'a, F: Future, T>(
        &'a mut self,
        policy: &'static RetryPolicy,
        body: Pin<&'a mut F>,
        sleep: fn(Duration) -> T,
    ) -> Limited<'a, Pin<&'a mut F>, T> {
        Limited::new(self.run(policy, body), sleep)
    }

    #[inline]
    fn stepped(
        &mut self,
        policy: &'static RetryPolicy,
        failure: Failure,
        around: &Around<'_>,
    ) -> Option<Duration> {
        stepped(
            self.site.operation(),
            self.site.started(),
            &mut self.track,
            policy,
            failure,
            around,
        )
    }
}

/// The attempt that comes after a delay, if one has passed.
fn resumed(track: &mut Option<Track>) -> &mut Track {
    let track = track.get_or_insert(Track::FIRST);
    track.resume();
    track
}

impl<S: Site> Drop for Polled<S> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        super::cancelled(self.site.operation(), self.site.started(), self.track);
    }
}

#[inline(never)]
#[expect(clippy::extra_unused_type_parameters, reason = "it says where it is compiled")]
fn succeeded<Here>(operation: &'static Operation, started: Timestamp, track: Option<Track>) {
    match track {
        Some(track) if track.attempt.get() > 1 && super::is_quiet() => {
            operation.count_healed(track.attempt.get());
        }
        _ => super::succeeded(operation, started, track),
    }
}

/// Classifies an error and finds its text.
type Explain<'a, E> = dyn Fn(&E) -> (Classification, Option<&dyn Display>) + 'a;

/// Compiled once for every type of error.
#[inline(never)]
fn failed<E>(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Option<Track>,
    policy: &'static RetryPolicy,
    error: &E,
    explain: &Explain<'_, E>,
) -> Option<Duration> {
    let (class, text) = explain(error);
    decided(operation, started, track, policy, class, || text)
}

/// The short way is that of a retry that nobody waits for, pays or is told of.
#[inline]
fn decided<'e>(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Option<Track>,
    policy: &'static RetryPolicy,
    class: Classification,
    text: impl FnOnce() -> Option<&'e dyn Display>,
) -> Option<Duration> {
    let at_once = policy.at_once && class.is_retryable_without_hint() && super::is_quiet();
    if at_once && context::current() == Ambient::NOTHING {
        let track = track.get_or_insert(Track::FIRST);
        if track.attempt.get() < policy.max_attempts {
            track.attempt = track.attempt.saturating_add(1);
            track.attempt_started = Stamp::NONE;
            return Some(Duration::ZERO);
        }
    }
    let around = Around { error: text(), ..Around::default() };
    stepped(operation, started, track, policy, Failure::Classified(class), &around)
}

#[inline(never)]
fn failed_by_itself<E>(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Option<Track>,
    policy: &'static RetryPolicy,
    error: &E,
    classify: fn(&E) -> Classification,
    text: TextFn<E>,
) -> Option<Duration> {
    decided(operation, started, track, policy, classify(error), || text(error))
}

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
