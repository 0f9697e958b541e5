//! The step from a failure to the next attempt, and the end of a call: where the decision meets
//! clock, randomness and telemetry. Each is asked only where somebody wants to know.

use std::fmt::Display;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::{Failed, Previous, Stamp, StateRef, Track};
use crate::breaker::CircuitOpen;
use crate::budget::{self, KeyedBudget, RetryBudget};
use crate::classify::Classification;
use crate::context;
use crate::drivers::{clock, random};
use crate::engine::{self, Decision, Failure, Progress, Situation, StopReason};
use crate::operation::{Operation, State};
use crate::policy::{BudgetSource, RetryPolicy};
use crate::registry;
use crate::shard;
use crate::telemetry::{log::Ended, report, tell};
use crate::testing;
use crate::time::{Timestamp, nanos};

/// What is known of a failure beside its class.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    pub(super) error: Option<&'a dyn Display>,
    /// Nanoseconds for which the circuit admits nobody.
    pub(super) circuit: u64,
    pub(super) budget_key: Option<&'a str>,
}

impl<'a> From<&Failed<'a>> for Around<'a> {
    fn from(failed: &Failed<'a>) -> Self {
        Self {
            error: failed.error,
            circuit: failed.circuit.map_or(0, nanos),
            budget_key: failed.budget_key,
        }
    }
}

/// The step after a call that the circuit did not let through.
#[cold]
#[inline(never)]
pub(super) fn rejected(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Track,
    policy: &'static RetryPolicy,
    open: CircuitOpen,
) -> Option<u64> {
    let circuit = open.retry_after.map_or(u64::MAX, nanos);
    let around = Around { error: Some(&open), circuit, budget_key: None };
    step(operation, started, track, policy, Failure::Rejected, &around)
}

/// The step after a failed attempt: the next one and the nanoseconds before it, or `None` to stop.
#[inline]
pub(super) fn step(
    operation: &'static Operation,
    started: Timestamp,
    track: &mut Track,
    policy: &'static RetryPolicy,
    failure: Failure,
    around: &Around<'_>,
) -> Option<u64> {
    let outer = context::current();
    let watched = shard::watched();
    let mut now = Now::default();
    let attempt = track.attempt.get();
    let progress = Progress { attempts: attempt, previous_delay: track.previous.nanos() };
    let deadline = super::deadline(policy, started, outer);
    let suppressed =
        outer.suppressed_until > Timestamp::ZERO && context::stamped(outer, now.get()) > now.get();
    let situation = Situation {
        // Without a deadline the moment changes nothing.
        now: if deadline == Timestamp::MAX { Timestamp::ZERO } else { now.get() },
        deadline,
        suppressed,
        circuit: around.circuit,
        random: if policy.draws() || failure.has_hint() { random::next() } else { 0 },
    };
    let decision = engine::decide(policy, progress, failure, &situation, || {
        policy.budget.is_unlimited() || {
            withdraw(policy, &StateRef::of(operation), now.get(), around.budget_key)
        }
    });
    if watched && let Some(class) = failure.class() {
        report::failed(operation, class);
    }
    if failure != Failure::Rejected {
        tell::attempt(operation, failure.as_str());
    }
    let told = LevelFilter::current() != LevelFilter::OFF;
    let line = || Ended { operation, policy, attempt, failure, error: around.error };
    match decision {
        Decision::Retry { delay } => {
            tell::delay(operation, Duration::from_nanos(delay));
            if told {
                line().retrying(Duration::from_nanos(delay), &mut now);
            }
            if watched {
                let (operation, delay) = (operation.name, Duration::from_nanos(delay));
                testing::record(testing::Event::Retried { operation, attempt, delay });
            }
            track.previous = Previous::new(delay, failure == Failure::Poll);
            if delay > 0 {
                slept(operation, delay, watched);
            }
            track.attempt_started = match delay {
                0 => Stamp::NONE,
                delay => Stamp::at(now.get().as_nanos().saturating_add(delay)),
            };
            Some(delay)
        }
        Decision::Stop(reason) => {
            if told {
                line().stopped(reason, &mut now);
            }
            end(operation, started, reason, *track);
            None
        }
    }
}

/// Counts a delay that begins.
fn slept(operation: &'static Operation, delay: u64, watched: bool) {
    if operation.counted {
        StateRef::of(operation).count_slept(delay);
    }
    if watched {
        report::sleeps(operation, Duration::from_nanos(delay));
    }
}

/// Tells of an attempt that was cut off at the deadline of the call, which so ends.
pub(super) fn cut(
    operation: &'static Operation,
    started: Timestamp,
    track: Track,
    policy: &'static RetryPolicy,
    class: Classification,
    error: &dyn Display,
) {
    if shard::watched() {
        report::failed(operation, class);
    }
    let failure = Failure::Classified(class);
    let attempt = track.attempt.get();
    let line = Ended { operation, policy, attempt, failure, error: Some(error) };
    line.stopped(StopReason::Deadline, &mut Now::default());
    tell::attempt(operation, failure.as_str());
    end(operation, started, StopReason::Deadline, track);
}

/// Counts and tells the end of a call.
#[inline]
pub(super) fn end(
    operation: &'static Operation,
    started: Timestamp,
    reason: StopReason,
    track: Track,
) {
    let attempts = track.attempt.get();
    if operation.counted {
        let state = StateRef::of(operation);
        registry::see(operation, &state);
        state.count_end(reason, attempts);
    }
    match reason {
        StopReason::Ok => tell::attempt(operation, "ok"),
        // A sleep that is cut short follows an attempt that was told.
        StopReason::Cancelled if !track.previous.is_waiting() => {
            tell::attempt(operation, "cancelled");
        }
        _ => {}
    }
    let ended = tell::Ended::Stopped(reason, attempts);
    tell::call_ended(operation, ended, started, clock::now);
    if shard::watched() {
        observe_end(operation, reason, attempts);
    }
}

/// The end of a call that succeeded at its first attempt, where the counter alone does not do.
pub(super) fn ended_at_first(operation: &'static Operation, started: Timestamp) {
    if operation.counted {
        StateRef::of(operation).count_first_slowly();
    }
    tell::attempt(operation, "ok");
    tell::call_ended(operation, tell::Ended::Stopped(StopReason::Ok, 1), started, clock::now);
    if shard::watched() {
        observe_end(operation, StopReason::Ok, 1);
    }
}

/// The end of a call that a fallback answered.
pub(super) fn end_with_fallback(
    operation: &'static Operation,
    started: Timestamp,
    track: Track,
    open: CircuitOpen,
) {
    let attempts = track.attempt.get();
    tracing::debug!(
        target: "steadfast::breaker",
        operation = operation.name, breaker = open.name, "rejected, the fallback answers"
    );
    if operation.counted {
        let state = StateRef::of(operation);
        registry::see(operation, &state);
        state.count_fallback(attempts);
    }
    tell::call_ended(operation, tell::Ended::Fallback, started, clock::now);
    if shard::watched() {
        observe_end(operation, StopReason::CircuitOpen, attempts);
    }
}

#[cold]
#[inline(never)]
fn observe_end(operation: &'static Operation, reason: StopReason, attempts: u32) {
    report::ended(operation, reason, attempts);
    testing::record(testing::Event::Ended { operation: operation.name, attempts, reason });
}

#[cold]
#[inline(never)]
fn withdraw(policy: &RetryPolicy, state: &State, now: Timestamp, key: Option<&str>) -> bool {
    match policy.budget {
        BudgetSource::Unlimited => true,
        BudgetSource::Shared(budget) => withdraw_shared(budget.get(), state, now),
        BudgetSource::Named(name, own) => {
            withdraw_shared(budget::named(name, own.get()), state, now)
        }
        BudgetSource::Keyed(budget) => match testing::keyed_budget(budget.get()) {
            Some(own) => own.acquire_at(key.unwrap_or(""), now, 0),
            None => budget.acquire_at(key.unwrap_or(""), now, 0),
        },
        // The running call counts, too: it is what asks.
        BudgetSource::Own => {
            state.budget.acquire_at(now, state.calls() + 1, policy.max_attempts.saturating_sub(1))
        }
    }
}

/// What one call pays into the budget of its key.
pub fn deposit(budget: &'static KeyedBudget, key: &str) {
    match testing::keyed_budget(budget) {
        Some(own) => own.deposit(key, 1),
        None => budget.deposit(key, 1),
    }
}

/// In a test scope, from the scope's own copy.
fn withdraw_shared(budget: &'static RetryBudget, state: &State, now: Timestamp) -> bool {
    let own = testing::budget(budget);
    let budget = own.as_deref().unwrap_or(budget);
    budget.deposit(state.new_calls());
    budget.acquire_at(now)
}

/// The clock, read at most once, and only if somebody asks.
#[derive(Default)]
pub(crate) struct Now(Option<Timestamp>);

impl Now {
    #[inline]
    pub(crate) fn get(&mut self) -> Timestamp {
        *self.0.get_or_insert_with(clock::now)
    }
}
