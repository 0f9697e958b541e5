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
/// unless the function wants a clock from the start.
type State = Option<(Track, Option<context::Entered>)>;

/// A call of a synchronous function.
#[derive(Debug)]
pub struct Blocking {
    state: State,
    operation: &'static Operation,
}

impl Blocking {
    /// A call that reads no clock until something fails.
    #[inline]
    #[must_use]
    pub fn new(operation: &'static Operation) -> Self {
        let state = cfg!(feature = "metrics").then(|| (Track::begin(clock::now()), None));
        Self { state, operation }
    }

    /// A call whose attempts followed one another at once, with nothing around them; the last one has
    /// run.
    pub(super) fn at_once(operation: &'static Operation, attempt: NonZeroU32) -> Self {
        let track = Track { attempt, ..Track::FIRST_AT_ONCE };
        Self { state: Some((track, Some(context::entered_over_nothing()))), operation }
    }

    pub(super) const fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Whether nothing has been asked of the call so far.
    pub(super) const fn is_untouched(&self) -> bool {
        self.state.is_none()
    }

    /// A call of a function with a `deadline` or a `context`.
    #[must_use]
    pub fn timed(operation: &'static Operation, policy: &'static RetryPolicy) -> Self {
        let mut state = Some((Track::begin(clock::now()), None));
        enter(&mut state, policy);
        Self { state, operation }
    }

    /// The end of a call that succeeded. The operation comes along as the constant it is. The caller
    /// forgets the call then, as after every other end.
    #[inline]
    pub fn succeeded(&mut self, operation: &'static Operation) {
        if self.state.is_some() || !operation.count_first() {
            succeeded(operation, &mut self.state);
        }
    }

    /// The step after a failed attempt, the delay included: whether another attempt follows.
    pub fn again(
        &mut self,
        policy: &'static RetryPolicy,
        class: Classification,
        error: Option<&dyn Display>,
    ) -> bool {
        again(&mut self.state, self.operation, policy, class, error)
    }

    /// [`again`](Self::again) in two steps, for who has something to do between: the delay before
    /// the next attempt, or `None` at the end of the call.
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
        let (track, entered) = begun(&mut self.state);
        *entered = None;
        step::rejected(self.operation, track, policy, open).map(Duration::from_nanos)
    }

    /// The end of a call that the circuit rejected and a fallback answers.
    #[inline]
    pub fn fell_back(&mut self, open: CircuitOpen) {
        let track = self.state.take().map(|(track, _)| track);
        super::fell_back(self.operation, track, open);
    }

    /// Sleeps, and tells the calls below that a retry is under way.
    #[inline]
    pub fn pause(&mut self, policy: &'static RetryPolicy, delay: Duration) {
        pause(&mut self.state, policy, delay);
    }

    /// The value that `context` binds.
    #[must_use]
    pub fn attempt(&self, policy: &'static RetryPolicy, key: IdempotencyKey) -> Attempt {
        super::attempt(self.state.as_ref().map(|(track, _)| track), policy, key)
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
        super::cancelled(self.operation, self.state.take().map(|(track, _)| track));
    }
}

// By reference: a copy of the state would be made in every function.
#[cold]
#[inline(never)]
fn succeeded(operation: &'static Operation, state: &mut State) {
    super::succeeded(operation, state.take().map(|(track, _)| track));
}

#[inline]
fn begun(state: &mut State) -> &mut (Track, Option<context::Entered>) {
    state.get_or_insert_with(|| (Track::begin(Timestamp::ZERO), None))
}

#[cold]
#[inline(never)]
fn again(
    state: &mut State,
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    class: Classification,
    error: Option<&dyn Display>,
) -> bool {
    let around = Around { error, ..Around::default() };
    let (track, entered) = begun(state);
    // What the attempt held is let go first, so that the decision is made in the light of what
    // surrounds the call.
    *entered = None;
    let failure = Failure::Classified(class);
    let Some(delay) = step::step(operation, track, policy, failure, &around) else { return false };
    if delay > 0 {
        sleep::block(Duration::from_nanos(delay));
    }
    track.resume();
    *entered = Some(context::enter(track.ambient(policy)));
    true
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
    let (track, entered) = begun(state);
    *entered = None;
    step::step(operation, track, policy, failure, around).map(Duration::from_nanos)
}

#[cold]
#[inline(never)]
fn pause(state: &mut State, policy: &'static RetryPolicy, delay: Duration) {
    if !delay.is_zero() {
        sleep::block(delay);
    }
    if let Some((track, _)) = state {
        track.resume();
    }
    enter(state, policy);
}

/// Tells the calls below what surrounds them.
fn enter(state: &mut State, policy: &'static RetryPolicy) {
    if let Some((track, entered)) = state {
        *entered = Some(context::enter(track.ambient(policy)));
    }
}
