//! One attempt of an async function: what its calls below are told, for as long as it is polled.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::{Stamp, Track};
use crate::attempt::Limit;
use crate::context::{self, Ambient, Entered};
use crate::drivers::clock;
use crate::policy::RetryPolicy;
use crate::time::Timestamp;
use crate::unlikely::unlikely;

pin_project! {
    /// One attempt of an async function: the body, polled in the light of what surrounds it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Running<'a, F> {
        #[pin]
        body: F,
        track: &'a mut Option<Track>,
        policy: &'static RetryPolicy,
        started: Timestamp,
    }
}

impl<'a, F> Running<'a, F> {
    #[inline]
    pub(super) const fn new(
        body: F,
        track: &'a mut Option<Track>,
        policy: &'static RetryPolicy,
        started: Timestamp,
    ) -> Self {
        Self { body, track, policy, started }
    }
}

impl<F: Future> Future for Running<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Held over the poll only: what suspends with the body must not stay on the thread.
        let mut entered = None;
        if let Some(track) = this.track {
            unlikely();
            enter::<()>(&mut entered, track, *this.started, this.policy);
        }
        let poll = this.body.poll(cx);
        if entered.is_some() {
            unlikely();
            leave::<()>(&mut entered, this.track, this.policy);
        }
        // It is over, which the compiler cannot see.
        std::mem::forget(entered);
        poll
    }
}

/// The short way is that of an attempt that followed at once, with nothing around the call. Generic for
/// no other reason than to be compiled where it is used: to another crate's library, a thread-local is
/// a call.
#[inline(never)]
#[expect(clippy::extra_unused_type_parameters, reason = "it says where it is compiled")]
fn enter<Here>(
    entered: &mut Option<Entered>,
    track: &mut Track,
    started: Timestamp,
    policy: &RetryPolicy,
) {
    if track.followed_at_once()
        && policy.deadline_nanos() == u64::MAX
        && context::current() == Ambient::NOTHING
    {
        context::mark_at_once(track.attempt.get());
        // There is nothing in it to be dropped, which the compiler cannot see.
        std::mem::forget(entered.replace(Entered::OVER_NOTHING));
    } else {
        enter_slowly(entered, track, started, policy);
    }
}

#[inline(never)]
fn enter_slowly(
    entered: &mut Option<Entered>,
    track: &mut Track,
    started: Timestamp,
    policy: &RetryPolicy,
) {
    // The delay before this attempt is over.
    track.resume();
    *entered = Some(context::enter(track.ambient(policy, started)));
}

/// The way back from [`enter`].
#[inline(never)]
#[expect(clippy::extra_unused_type_parameters, reason = "it says where it is compiled")]
fn leave<Here>(entered: &mut Option<Entered>, track: &mut Option<Track>, policy: &RetryPolicy) {
    let until = context::current().suppressed_until;
    match entered {
        Some(over) if over.is_over_nothing() && until == Timestamp::MAX => {
            context::leave_at_once();
            // Left without a call.
            std::mem::forget(entered.take());
        }
        _ => leave_slowly(entered, track, policy, until),
    }
}

/// Keeps the stamp that a call below may have set.
#[inline(never)]
fn leave_slowly(
    entered: &mut Option<Entered>,
    track: &mut Option<Track>,
    policy: &RetryPolicy,
    until: Timestamp,
) {
    if let Some(track) = track
        && until != Timestamp::MAX
        && track.attempt_started.is_none()
    {
        let began = until.as_nanos().saturating_sub(policy.ceiling_nanos());
        track.attempt_started = Stamp::at(began);
    }
    *entered = None;
}

impl<F> Running<'_, F> {
    /// What is left for the running attempt, and what ends it, if anything does.
    #[inline]
    pub(super) fn left(&self) -> Option<(Duration, Limit)> {
        left(self.started, self.policy)
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
