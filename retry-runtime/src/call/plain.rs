//! A synchronous call of which nothing is asked but its outcome: no hook, no context, no circuit.
//!
//! The first attempt is all that stands in the function. What follows a failure is compiled once for
//! every type of outcome, not for every function.

use std::fmt::Display;
use std::num::NonZeroU32;

use super::Blocking;
use crate::classify::Classification;
use crate::context::{self, Ambient};
use crate::operation::Operation;
use crate::outcome::Outcome;
use crate::policy::RetryPolicy;
use crate::unlikely::unlikely;

/// Calls `body` until it succeeds or the policy ends it; `explain` classifies an error and finds its
/// text.
//
// Where a body consumes an argument, rustc shows the line of the bound on `B`, and no attribute can put
// words into that: they are a comment on this line.
#[inline]
pub fn blocking<T, B, X>(
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    mut body: B,
    explain: X,
) -> T
where
    T: Outcome,
    B: FnMut() -> T, // every attempt needs the arguments: borrow them, or `#[retry(clone(name))]`
    X: Fn(&T::Error) -> (Classification, Option<&dyn Display>),
{
    let first = Blocking::new(operation);
    let outcome = body();
    if outcome.error().is_none() && operation.count_first() {
        std::mem::forget(first);
        return outcome;
    }
    unlikely();
    repeat(first, policy, outcome, &mut Parts { body, explain })
}

/// What differs from function to function.
trait Attempts<T: Outcome> {
    fn run(&mut self) -> T;
    fn explain<'e>(&self, error: &'e T::Error) -> (Classification, Option<&'e dyn Display>);
}

struct Parts<B, X> {
    body: B,
    explain: X,
}

impl<T, B, X> Attempts<T> for Parts<B, X>
where
    T: Outcome,
    B: FnMut() -> T,
    X: Fn(&T::Error) -> (Classification, Option<&dyn Display>),
{
    fn run(&mut self) -> T {
        (self.body)()
    }

    fn explain<'e>(&self, error: &'e T::Error) -> (Classification, Option<&'e dyn Display>) {
        (self.explain)(error)
    }
}

#[inline(never)]
fn repeat<T: Outcome>(
    call: Blocking,
    policy: &'static RetryPolicy,
    mut outcome: T,
    attempts: &mut dyn Attempts<T>,
) -> T {
    if !policy.at_once || !super::is_quiet() || context::current() != Ambient::NOTHING {
        return go_on(call, policy, outcome, attempts);
    }
    let mut run = AtOnce::begin(call);
    while let Some(error) = outcome.error() {
        let (class, text) = attempts.explain(error);
        if !run.goes_on(policy, class) {
            let mut call = run.call();
            if call.again(policy, class, text) {
                outcome = attempts.run();
                return go_on(call, policy, outcome, attempts);
            }
            std::mem::forget(call);
            return outcome;
        }
        outcome = attempts.run();
    }
    run.succeeded();
    outcome
}

/// The same where somebody waits, pays or is told.
#[inline(never)]
fn go_on<T: Outcome>(
    mut call: Blocking,
    policy: &'static RetryPolicy,
    mut outcome: T,
    attempts: &mut dyn Attempts<T>,
) -> T {
    while let Some(error) = outcome.error() {
        let (class, text) = attempts.explain(error);
        if !call.again(policy, class, text) {
            std::mem::forget(call);
            return outcome;
        }
        outcome = attempts.run();
    }
    call.succeeded(call.operation());
    std::mem::forget(call);
    outcome
}

/// Attempts that follow one another at once, with nothing around the call and nobody to be told:
/// their number is all there is to know.
struct AtOnce {
    operation: &'static Operation,
    attempt: NonZeroU32,
}

impl AtOnce {
    #[inline]
    fn begin(call: Blocking) -> Self {
        let run = Self { operation: call.operation(), attempt: NonZeroU32::MIN };
        std::mem::forget(call);
        run
    }

    /// Whether it goes on like this; the next attempt has begun then.
    #[inline]
    fn goes_on(&mut self, policy: &RetryPolicy, class: Classification) -> bool {
        let more = self.attempt.get() < policy.max_attempts && class.is_retryable_without_hint();
        if !more || !super::is_quiet() {
            return false;
        }
        self.attempt = self.attempt.saturating_add(1);
        context::mark_at_once(self.attempt.get());
        true
    }

    /// The call as any other.
    #[inline]
    fn call(self) -> Blocking {
        let call = Blocking::at_once(self.operation, self.attempt);
        std::mem::forget(self);
        call
    }

    #[inline]
    fn succeeded(self) {
        if self.attempt == NonZeroU32::MIN || !super::is_quiet() {
            let mut call = self.call();
            call.succeeded(call.operation());
            std::mem::forget(call);
            return;
        }
        context::leave_at_once();
        self.operation.count_healed(self.attempt.get());
        std::mem::forget(self);
    }
}

impl Drop for AtOnce {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        drop(Blocking::at_once(self.operation, self.attempt));
    }
}
