//! The same engine without an attribute: `POLICY.call(…)` and `POLICY.call_async(…)`.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::{OnceLock, PoisonError, RwLock};

use crate::attempt::Attempt;
use crate::call::{Blocking, Polled};
use crate::classify::Classify;
use crate::drivers::sleep;
use crate::idempotency_key::IdempotencyKey;
use crate::operation::{Operation, State};
use crate::outcome::Outcome;
use crate::policy::RetryPolicy;

impl RetryPolicy {
    /// Calls `body` until it succeeds or the policy says stop, and returns the last outcome.
    ///
    /// Statistics and the default budget belong to the line that calls.
    #[track_caller]
    pub fn call<T>(&'static self, body: impl FnMut(Attempt) -> T) -> T
    where
        T: Outcome<Error: Classify>,
    {
        run(operation(Location::caller()), self, body)
    }

    /// [`call`](Self::call) for an async body. The policy's `attempt_timeout` and `deadline` cut a
    /// running attempt only in annotated functions, where the error for it is known; here they
    /// bound what is begun.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops everything: no later attempt, no timer.
    #[track_caller]
    pub fn call_async<T, B>(&'static self, mut body: B) -> impl Future<Output = T>
    where
        T: Outcome<Error: Classify>,
        B: AsyncFnMut(Attempt) -> T,
    {
        let operation = operation(Location::caller());
        async move {
            let mut call = Polled::timed(move || operation);
            let key = IdempotencyKey::drawn();
            loop {
                let delay = {
                    let attempt = call.attempt(self, key);
                    let outcome = call.run(self, body(attempt)).await;
                    let error = outcome.error();
                    match call.step(operation, self, error, |error| (error.classify(), None)) {
                        Some(delay) => delay,
                        None => {
                            std::mem::forget(call);
                            return outcome;
                        }
                    }
                };
                sleep::delay(delay).await;
            }
        }
    }
}

fn run<T>(
    operation: &'static Operation,
    policy: &'static RetryPolicy,
    mut body: impl FnMut(Attempt) -> T,
) -> T
where
    T: Outcome<Error: Classify>,
{
    let mut call = Blocking::timed(operation, policy);
    let key = IdempotencyKey::drawn();
    loop {
        let outcome = body(call.attempt(policy, key));
        let Some(error) = outcome.error() else {
            call.succeeded(operation);
            std::mem::forget(call);
            return outcome;
        };
        if !call.again(policy, error.classify(), None) {
            std::mem::forget(call);
            return outcome;
        }
    }
}

/// The operation of a line of code. Lines are finite, so they are kept for good.
fn operation(at: &'static Location<'static>) -> &'static Operation {
    type Lines = RwLock<HashMap<&'static Location<'static>, &'static Operation>>;
    static LINES: OnceLock<Lines> = OnceLock::new();
    let lines = LINES.get_or_init(RwLock::default);
    if let Some(operation) = lines.read().unwrap_or_else(PoisonError::into_inner).get(at) {
        return operation;
    }
    let mut lines = lines.write().unwrap_or_else(PoisonError::into_inner);
    lines.entry(at).or_insert_with(|| {
        let name = String::leak(format!("{}:{}", at.file(), at.line()));
        let state = Box::leak(Box::new(State::new()));
        Box::leak(Box::new(
            Operation::new(name, at.file(), at.line(), state, RetryPolicy::new())
                .with_generic_policy(),
        ))
    })
}
