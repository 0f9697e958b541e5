//! Every interleaving of a few threads, explored by loom.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p retry-runtime --lib --no-default-features loom
//! ```

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;

use super::owner::Owner;
use super::{CircuitBreaker, Pass, State};
use crate::time::Timestamp;

const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn new(failures: u32) -> CircuitBreaker {
    CircuitBreaker::new("loom").recovery_jitter(0.0).failure_threshold(failures)
}

fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

#[test]
fn half_open_never_exceeds_its_bound_and_gets_every_permit_back() {
    bounded(|| {
        let b = Arc::new(new(1));
        b.force_state_at(State::Open, at(0));
        let out = Arc::new(AtomicUsize::new(0));
        let probe = |b: &CircuitBreaker, out: &AtomicUsize| {
            if let Ok(permit) = b.try_acquire_at(at(30), 0) {
                assert_eq!(out.fetch_add(1, SeqCst), 0);
                out.fetch_sub(1, SeqCst);
                drop(permit);
            }
        };
        let other = {
            let (b, out) = (Arc::clone(&b), Arc::clone(&out));
            thread::spawn(move || probe(&b, &out))
        };
        probe(&b, &out);
        other.join().unwrap();
        let s = b.snapshot_at(at(30));
        assert_eq!((s.state, s.probes), (State::HalfOpen, 0));
        b.try_acquire_at(at(30), 0).unwrap().success_at(at(30));
        assert_eq!(b.state(), State::Closed);
    });
}

#[test]
fn results_of_an_earlier_period_change_nothing() {
    bounded(|| {
        let b = Arc::new(new(2));
        let stale = Arc::clone(&b);
        let late = thread::spawn(move || {
            if let Ok(permit) = stale.try_acquire_at(at(0), 0) {
                permit.failure_at(at(0));
            }
        });
        b.force_state_at(State::ForcedOpen, at(0));
        b.force_state_at(State::Closed, at(0));
        let generation = b.snapshot_at(at(0)).generation;
        late.join().unwrap();
        // Admitted in the first period or the last; never enough to open either.
        let s = b.snapshot_at(at(0));
        assert_eq!((s.state, s.generation), (State::Closed, generation));
        assert!(s.consecutive_failures <= 1);
    });
}

#[test]
fn stale_failures_never_count_in_the_new_period() {
    bounded(|| {
        let b: &'static CircuitBreaker = Box::leak(Box::new(new(2)));
        let permit = b.try_acquire_at(at(0), 0).unwrap();
        let late = thread::spawn(move || permit.failure_at(at(0)));
        b.force_state_at(State::ForcedOpen, at(0));
        b.force_state_at(State::Closed, at(0));
        b.try_acquire_at(at(0), 0).unwrap().failure_at(at(0));
        late.join().unwrap();
        assert_eq!(b.snapshot_at(at(0)).consecutive_failures, 1);
        assert_eq!(b.state(), State::Closed);
    });
}

#[test]
fn failures_of_two_threads_open_it_once() {
    bounded(|| {
        let b = Arc::new(new(2));
        let other = {
            let b = Arc::clone(&b);
            thread::spawn(move || {
                if let Ok(permit) = b.try_acquire_at(at(0), 0) {
                    permit.failure_at(at(0));
                }
            })
        };
        if let Ok(permit) = b.try_acquire_at(at(0), 0) {
            permit.failure_at(at(0));
        }
        other.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.state, s.generation, s.breaks), (State::Open, 1, 1));
    });
}

#[test]
fn a_cancelled_probe_and_a_new_one_do_not_meet() {
    bounded(|| {
        let b: &'static CircuitBreaker = Box::leak(Box::new(new(1)));
        b.force_state_at(State::Open, at(0));
        let first = b.try_acquire_at(at(30), 0).unwrap();
        let cancelled = thread::spawn(move || drop(first));
        let second = b.try_acquire_at(at(30), 0);
        cancelled.join().unwrap();
        let in_hand = usize::from(second.is_ok());
        assert_eq!(b.snapshot_at(at(30)).probes, in_hand);
        drop(second);
        assert_eq!(b.snapshot_at(at(30)).probes, 0);
    });
}

fn rated() -> CircuitBreaker {
    CircuitBreaker::new("loom").recovery_jitter(0.0).failure_rate(1.0).window(2).minimum_calls(2)
}

fn tell(b: &CircuitBreaker, failed: bool) {
    if let Ok(permit) = b.try_acquire_at(at(0), 0) {
        if failed { permit.failure_at(at(0)) } else { permit.success_at(at(0)) }
    }
}

#[test]
fn a_window_loses_no_result_of_two_threads() {
    bounded(|| {
        let b = Arc::new(CircuitBreaker::new("loom").failure_rate(1.0).window(8));
        let other = {
            let b = Arc::clone(&b);
            thread::spawn(move || {
                tell(&b, false);
                tell(&b, true);
            })
        };
        tell(&b, false);
        tell(&b, false);
        other.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.calls, s.failed), (4, 1));
    });
}

#[test]
fn slices_lose_no_result_while_time_moves_on() {
    bounded(|| {
        let b = CircuitBreaker::new("loom")
            .failure_rate(1.0)
            .window_duration(std::time::Duration::from_secs(10));
        let b = Arc::new(b);
        let other = {
            let b = Arc::clone(&b);
            thread::spawn(move || {
                b.try_acquire_at(at(0), 0).unwrap().success_at(at(1));
                b.try_acquire_at(at(0), 0).unwrap().success_at(at(1));
            })
        };
        b.try_acquire_at(at(0), 0).unwrap().success_at(at(0));
        b.try_acquire_at(at(0), 0).unwrap().failure_at(at(1));
        other.join().unwrap();
        let s = b.snapshot_at(at(1));
        assert_eq!((s.calls, s.failed), (4, 1));
    });
}

#[test]
fn successes_of_an_earlier_period_are_in_no_window() {
    bounded(|| {
        let b: &'static CircuitBreaker = Box::leak(Box::new(rated()));
        let permits = [b.try_acquire_at(at(0), 0).unwrap(), b.try_acquire_at(at(0), 0).unwrap()];
        let late = thread::spawn(move || permits.into_iter().for_each(|p| p.success_at(at(0))));
        b.force_state_at(State::Closed, at(0));
        tell(b, true);
        late.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.calls, s.failed), (1, 1));
        tell(b, true);
        assert_eq!(b.state(), State::Open);
    });
}

#[test]
fn a_rate_opens_once_whoever_completes_it() {
    bounded(|| {
        let b = Arc::new(rated());
        let other = {
            let b = Arc::clone(&b);
            thread::spawn(move || tell(&b, true))
        };
        tell(&b, true);
        other.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.state, s.generation, s.breaks), (State::Open, 1, 1));
    });
}

#[test]
fn the_end_of_a_break_is_never_read_after_it() {
    bounded(|| {
        let b = Arc::new(new(1));
        b.force_state_at(State::Open, at(0));
        let other = {
            let b = Arc::clone(&b);
            thread::spawn(move || b.try_acquire_at(at(30), 0).unwrap().success_at(at(30)))
        };
        // Rejected, admitted as a probe, or after the other one's: whatever it is told, it is true.
        if let Err(open) = b.try_acquire_at(at(29), 0) {
            assert!(open.retry_after <= Some(std::time::Duration::from_secs(30)));
        }
        other.join().unwrap();
        assert_eq!(b.state(), State::Closed);
        assert_eq!(b.until_half_open_at(at(29), 0), None);
        assert!(b.try_acquire_at(at(29), 0).is_ok());
    });
}

/// A pass of a test scope's or a key's breaker: what generated code holds.
fn pass(b: &std::sync::Arc<CircuitBreaker>) -> Option<Pass> {
    Pass::slowly(Owner::Shared(std::sync::Arc::clone(b)), 0).ok()
}

#[test]
fn passes_that_are_cancelled_and_told_by_two_threads_are_given_back_once() {
    bounded(|| {
        let b = std::sync::Arc::new(new(1).half_open_requests(2));
        b.force_state_at(State::HalfOpen, at(0));
        let out = Arc::new(AtomicUsize::new(0));
        let cancelled = {
            let (b, out) = (std::sync::Arc::clone(&b), Arc::clone(&out));
            thread::spawn(move || {
                let pass = pass(&b);
                if pass.is_some() {
                    assert!(out.fetch_add(1, SeqCst) < 2);
                    out.fetch_sub(1, SeqCst);
                }
                drop(pass);
            })
        };
        let told = pass(&b).expect("two are admitted");
        assert!(out.fetch_add(1, SeqCst) < 2);
        out.fetch_sub(1, SeqCst);
        told.success();
        cancelled.join().unwrap();
        let s = b.snapshot();
        assert_eq!((s.state, s.probes), (State::HalfOpen, 0));
        pass(&b).expect("one success is missing").success();
        assert_eq!(b.state(), State::Closed);
    });
}

#[test]
fn a_slow_call_that_is_counted_in_flight_and_then_dropped_counts_once() {
    bounded(|| {
        let slow = new(2).slow_call(std::time::Duration::from_secs(1));
        let b: &'static CircuitBreaker = Box::leak(Box::new(slow));
        let permit = b.try_acquire_at(at(0), 0).unwrap();
        let other = thread::spawn(move || b.try_acquire_at(at(0), 0).map(|p| p.abandon_at(at(2))));
        assert!(permit.slow_at(at(2)).is_ok());
        let admitted = other.join().unwrap().is_ok();
        assert!(admitted);
        let s = b.snapshot_at(at(2));
        assert_eq!((s.state, s.generation, s.breaks), (State::Open, 1, 1));
    });
}

/// A pass of a static breaker, as a call gets it that has nothing to measure.
fn quick(b: &'static CircuitBreaker) -> Pass {
    Pass::quick(b, 0).expect("it is closed")
}

#[test]
fn quick_passes_of_an_earlier_period_are_in_no_window() {
    bounded(|| {
        let b: &'static CircuitBreaker = Box::leak(Box::new(rated().window(8)));
        let passes = [quick(b), quick(b)];
        let late = thread::spawn(move || passes.into_iter().for_each(Pass::success));
        b.force_state_at(State::Closed, at(0));
        quick(b).success();
        tell(b, true);
        late.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.calls, s.failed), (2, 1));
    });
}

#[test]
fn quick_passes_and_failures_of_two_threads_lose_no_result() {
    bounded(|| {
        let window = CircuitBreaker::new("loom").failure_rate(1.0).window(8);
        let b: &'static CircuitBreaker = Box::leak(Box::new(window));
        let passes = [quick(b), quick(b)];
        let other = thread::spawn(move || passes.into_iter().for_each(Pass::success));
        tell(b, true);
        quick(b).success();
        other.join().unwrap();
        let s = b.snapshot_at(at(0));
        assert_eq!((s.calls, s.failed), (4, 1));
    });
}
