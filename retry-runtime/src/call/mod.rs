//! One call of an annotated function: what it carries from attempt to attempt.
//!
//! A call that succeeds at once touches nothing here but an empty state and a counter. Retries at once
//! that nobody is told of have a short way; everything else is in functions that are not generic.

mod blocking;
mod limited;
mod plain;
mod polled;
mod previous;
mod running;
mod stamp;
mod step;

use std::fmt::Display;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::attempt::Attempt;
use crate::breaker::CircuitOpen;
use crate::classify::Classification;
use crate::context::{self, Ambient};
use crate::drivers::clock;
use crate::engine::StopReason;
use crate::idempotency_key::IdempotencyKey;
use crate::operation::{Operation, State};
use crate::policy::RetryPolicy;
use crate::shard;
use crate::telemetry::event::RetryEvent;
use crate::testing;
use crate::time::Timestamp;

pub use blocking::Blocking;
use limited::Limited;
pub use plain::blocking;
pub use polled::Polled;
use previous::Previous;
use running::Running;
use stamp::Stamp;
pub(crate) use step::Now;
pub use step::deposit;

/// A failed attempt, with all that a decision may ask of it.
#[derive(Clone, Copy)]
pub struct Failed<'a> {
    class: Classification,
    error: Option<&'a dyn Display>,
    /// For how long the circuit will admit nobody.
    circuit: Option<Duration>,
    /// Whose budget it is, where one is kept for each key.
    budget_key: Option<&'a str>,
}

impl<'a> Failed<'a> {
    /// A failure of this class; `error` is its text.
    #[inline]
    #[must_use]
    pub const fn new(class: Classification, error: Option<&'a dyn Display>) -> Self {
        Self { class, error, circuit: None, budget_key: None }
    }

    /// The same beside a circuit that admits nobody for this long.
    #[must_use]
    pub const fn with_circuit(mut self, circuit: Option<Duration>) -> Self {
        self.circuit = circuit;
        self
    }

    /// The same, paid from the budget of this key.
    #[must_use]
    pub const fn with_budget_key(mut self, key: &'a str) -> Self {
        self.budget_key = Some(key);
        self
    }
}

impl std::fmt::Debug for Failed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failed")
            .field("class", &self.class)
            .field("circuit", &self.circuit)
            .finish_non_exhaustive()
    }
}

/// What a call knows of itself once something has failed, or from the start where somebody asks for
/// the time.
#[derive(Clone, Copy, Debug)]
struct Track {
    /// The attempt that runs now, or the one that a sleep follows; the first is 1.
    attempt: NonZeroU32,
    previous: Previous,
    /// The moment at which this attempt began; at the first, which suppresses nothing, there is none.
    attempt_started: Stamp,
}

impl Track {
    const FIRST: Self =
        Self { attempt: NonZeroU32::MIN, previous: Previous::NONE, attempt_started: Stamp::NONE };

    /// What the calls below this attempt are to know.
    fn ambient(&self, policy: &RetryPolicy, started: Timestamp) -> Ambient {
        let outer = context::current();
        // Polls suppress nothing below.
        let retrying = self.attempt.get() > 1 && !self.previous.followed_poll();
        let suppressed_until = if !retrying {
            outer.suppressed_until
        } else if self.attempt_started.is_none() {
            Timestamp::MAX
        } else {
            let until = self.attempt_started.nanos().saturating_add(policy.ceiling_nanos());
            outer.suppressed_until.max(Timestamp::from_nanos(until))
        };
        let attempt = if retrying { self.attempt.get() } else { outer.attempt };
        Ambient { suppressed_until, deadline: deadline(policy, started, outer), attempt }
    }

    /// Whether this is a further attempt that no delay preceded.
    #[inline]
    fn followed_at_once(&self) -> bool {
        self.attempt.get() > 1 && self.previous == Previous::NONE && self.attempt_started.is_none()
    }

    /// If a delay has passed, the next attempt begins.
    fn resume(&mut self) {
        if self.previous.is_waiting() {
            self.attempt = self.attempt.saturating_add(1);
            self.previous = self.previous.over();
        }
    }
}

/// When a call that began then has to be over.
fn deadline(policy: &RetryPolicy, started: Timestamp, outer: Ambient) -> Timestamp {
    match policy.deadline_nanos() {
        u64::MAX => outer.deadline,
        own => started.saturating_add(Duration::from_nanos(own)).min(outer.deadline),
    }
}

/// The moment at which a call begins, where only metrics ask for it.
#[inline]
fn if_measured() -> Timestamp {
    if cfg!(feature = "metrics") { clock::now() } else { Timestamp::ZERO }
}

/// Whether nobody is to be told of a retry.
#[inline]
fn is_quiet() -> bool {
    !cfg!(feature = "metrics") && LevelFilter::current() < LevelFilter::WARN && !shard::watched()
}

fn attempt(
    track: Option<&Track>,
    started: Timestamp,
    policy: &RetryPolicy,
    key: IdempotencyKey,
) -> Attempt {
    let number = track.map_or(NonZeroU32::MIN, |track| track.attempt);
    let deadline = deadline(policy, started, context::current());
    Attempt::new(number, policy.max_attempts, started, deadline, key)
}

fn event<'a>(
    operation: &'static Operation,
    track: Option<&Track>,
    policy: &'static RetryPolicy,
    classification: Option<Classification>,
    delay: Duration,
    error: Option<&'a dyn Display>,
) -> RetryEvent<'a> {
    RetryEvent {
        operation: operation.name,
        attempt: track.map_or(1, |track| track.attempt.get()),
        max_attempts: policy.max_attempts,
        delay,
        classification,
        error,
    }
}

/// A call that ends without a word was dropped by its caller, or its body panicked.
fn cancelled(operation: &'static Operation, started: Timestamp, track: Option<Track>) {
    step::end(operation, started, StopReason::Cancelled, track.unwrap_or(Track::FIRST));
}

fn succeeded(operation: &'static Operation, started: Timestamp, track: Option<Track>) {
    match track {
        Some(track) if track.attempt.get() > 1 => {
            step::end(operation, started, StopReason::Ok, track);
        }
        _ => step::ended_at_first(operation, started),
    }
}

/// A call that a circuit rejected and a fallback answered.
#[cold]
#[inline(never)]
fn fell_back(
    operation: &'static Operation,
    started: Timestamp,
    track: Option<Track>,
    open: CircuitOpen,
) {
    step::end_with_fallback(operation, started, track.unwrap_or(Track::FIRST), open);
}

/// The counters of an operation: a test scope's own, else the function's.
pub(crate) enum StateRef {
    Scope(Arc<State>),
    Own(&'static State),
}

impl StateRef {
    #[inline]
    pub(crate) fn of(operation: &'static Operation) -> Self {
        if shard::watched() { Self::in_scope(operation) } else { Self::Own(operation.state) }
    }

    #[cold]
    #[inline(never)]
    fn in_scope(operation: &'static Operation) -> Self {
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
