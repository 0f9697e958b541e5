//! Behaviour of the breaker, driven by hand: no test waits.

mod attached;
mod conformance;
mod control;
mod flight;
mod model;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{CircuitBreaker, Permit, State};
use crate::time::Timestamp;

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const fn ms(millis: u64) -> Timestamp {
    Timestamp::from_nanos(millis * 1_000_000)
}

pub(super) fn new() -> CircuitBreaker {
    CircuitBreaker::new("test").recovery_jitter(0.0)
}

pub(super) fn admit(breaker: &CircuitBreaker, at: u64) -> Permit<'_> {
    breaker.try_acquire_at(ms(at), 0).expect("admitted")
}

pub(super) fn refused(breaker: &CircuitBreaker, at: u64) -> Option<Duration> {
    breaker.try_acquire_at(ms(at), 0).expect_err("refused").retry_after
}

/// Calls that take no time: success, failure, ignored. Stops where one is refused.
pub(super) fn run(breaker: &CircuitBreaker, at: u64, results: &str) -> State {
    for result in results.chars() {
        let Ok(permit) = breaker.try_acquire_at(ms(at), 0) else { break };
        match result {
            'S' => permit.success_at(ms(at)),
            'F' => permit.failure_at(ms(at)),
            _ => permit.ignore(),
        }
    }
    breaker.state()
}

/// One call of a length, in milliseconds.
pub(super) fn timed(breaker: &CircuitBreaker, from: u64, to: u64, failed: bool) -> State {
    let permit = admit(breaker, from);
    if failed {
        permit.failure_at(ms(to));
    } else {
        permit.success_at(ms(to));
    }
    breaker.state()
}

type Log = Arc<Mutex<Vec<(State, State)>>>;

pub(super) fn recorded(breaker: &CircuitBreaker) -> Log {
    let log = Log::default();
    let seen = Arc::clone(&log);
    breaker.subscribe(move |t| seen.lock().unwrap().push((t.from, t.to))).detach();
    log
}
