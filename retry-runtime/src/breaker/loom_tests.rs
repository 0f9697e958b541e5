//! Every interleaving of a few threads, explored by loom.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release -p retry-runtime --lib --no-default-features loom
//! ```

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;

use super::{CircuitBreaker, State};
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
