//! A call of a synchronous function.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::time::Duration;

use super::step::{self, Around};
use super::{Failed, Track};
use crate::attempt::Attempt;
use crate::breaker::CircuitOpen;
use crate::classify::Classification;
use crate::context;
use crate::drivers::{clock, sleep};
use crate::engine::Failure;
use crate::idempotency_key::IdempotencyKey;
use crate::operation::Operation;
use crate::policy::RetryPolicy;
use crate::telemetry::event::RetryEvent;
use crate::time::Timestamp;

/// What a call remembers, and what it holds while an attempt runs; `None` until the first failure,
/// unless the calls below are to know of this one from the start.
type State = Option<(Track, Option<context::Entered>)>;

/// A call of a synchronous function.
#[derive(Debug)]
pub struct Blocking {
    state: State,
    operation: &'static Operation,
    /// Zero where nobody asks.
    started: Timestamp,
}

impl Blocking {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub fn new(operation: &'static Operation) -> Self {
        Self { state: None, operation, started: super::if_measured() }
    }

    /// A call whose attempts followed one another at once, with nothing around them and nobody to ask
    /// when they began; the last one has run.
    pub(super) fn at_once(operation: &'static Operation, attempt: NonZeroU32) -> Self {
        let track = Track { attempt, ..Track::FIRST };
        let state = Some((track, Some(context::Entered::OVER_NOTHING)));
        Self { state, operation, started: Timestamp::ZERO }
    }

    pub(super) const fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// A call of a function with a `deadline` or a `context`.
    #[must_use]
    pub fn timed(operation: &'static Operation, policy: &'static RetryPolicy) -> Self {
        let mut call = Self { state: None, operation, started: clock::now() };
        call.enter(policy);
        call
    }

    /// The end of a call that succeeded. The operation comes along as the constant it is. The caller
    /// forgets the call then, as after every other end.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        if self.state.is_some() || !operation.count_first() {
            succeeded(self);
        }
    }

    /// The step after a failed attempt, the delay included: whether another attempt follows.
    #[cold]
    #[inline(never)]
    pub fn again(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> bool {
        let around = Around { error, ..Around::default() };
        let Some(delay) = self.step(policy, Failure::Classified(class), &around) else {
            return false;
        };
        self.pause(policy, delay);
        true
    }

    /// [`again`](Self::again) in two steps, for who has something to do between: the delay before
    /// the next attempt, or `None` at the end of the call.
    #[inline]
    pub fn failed_with(
        &mut self,
        policy: &'static RetryPolicy,
        failed: &Failed<'_>,
    ) -> Option<Duration> {
        self.step(policy, Failure::Classified(failed.class), &failed.into())
    }

    /// The step after a value that is to be polled again.
    #[inline]
    pub fn polled(&mut self, policy: &'static RetryPolicy) -> Option<Duration> {
        self.step(policy, Failure::Poll, &Around::default())
    }

    #[cold]
    #[inline(never)]
    fn step(
        &mut self,
        policy: &'static RetryPolicy,
        failure: Failure,
        around: &Around<'_>,
    ) -> Option<Duration> {
        let (operation, started) = (self.operation, self.started);
        let track = self.leave();
        step::step(operation, started, track, policy, failure, around).map(Duration::from_nanos)
    }

    /// The step after a call that the circuit rejected.
    #[inline]
    pub fn rejected(
        &mut self,
        policy: &'static RetryPolicy,
        open: CircuitOpen,
    ) -> Option<Duration> {
        let (operation, started) = (self.operation, self.started);
        let track = self.leave();
        step::rejected(operation, started, track, policy, open).map(Duration::from_nanos)
    }

    /// The end of a call that the circuit rejected and a fallback answers.
    #[inline]
    pub fn fell_back(&mut self, open: CircuitOpen) {
        let track = self.state.take().map(|(track, _)| track);
        super::fell_back(self.operation, self.started, track, open);
    }

    /// Sleeps, and tells the calls below that a retry is under way.
    #[cold]
    #[inline(never)]
    pub fn pause(&mut self, policy: &'static RetryPolicy, delay: Duration) {
        sleep::block(delay);
        if let Some((track, _)) = &mut self.state {
            track.resume();
        }
        self.enter(policy);
    }

    /// What the attempt held is let go before anything is decided, so that it is decided in the light
    /// of what surrounds the call.
    fn leave(&mut self) -> &mut Track {
        let (track, entered) = self.state.get_or_insert((Track::FIRST, None));
        *entered = None;
        track
    }

    /// Tells the calls below what surrounds them.
    fn enter(&mut self, policy: &'static RetryPolicy) {
        let (track, entered) = self.state.get_or_insert((Track::FIRST, None));
        *entered = Some(context::enter(track.ambient(policy, self.started)));
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy, key: IdempotencyKey) -> Attempt {
        let track = self.state.as_ref().map(|(track, _)| track);
        super::attempt(track, self.started, policy, key)
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
        let track = self.state.as_ref().map(|(track, _)| track);
        super::event(self.operation, track, policy, class, delay, error)
    }
}

impl Drop for Blocking {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        let track = self.state.take().map(|(track, _)| track);
        super::cancelled(self.operation, self.started, track);
    }
}

// By reference: a copy of the state would be made in every function.
#[cold]
#[inline(never)]
fn succeeded(call: &mut Blocking) {
    let track = call.state.take().map(|(track, _)| track);
    super::succeeded(call.operation, call.started, track);
}
