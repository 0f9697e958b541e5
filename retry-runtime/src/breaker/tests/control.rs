//! Forced states, subscriptions, threads, the registry.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::State::{Closed, Disabled, ForcedClosed, ForcedOpen, HalfOpen, Open};
use super::super::registry::{self, Registered};
use super::*;
use crate::breaker::CircuitOpen;

#[test]
fn a_thousand_threads_at_the_half_open_edge_get_the_permits_there_are() {
    for requests in [1, 7] {
        let b = new().half_open_requests(requests);
        b.force_state_at(Open, ms(0));
        let (barrier, admitted) = (Barrier::new(1000), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..1000 {
                let builder = std::thread::Builder::new().stack_size(64 * 1024);
                builder
                    .spawn_scoped(scope, || {
                        barrier.wait();
                        let permit = b.try_acquire_at(ms(30_000), 0);
                        admitted.fetch_add(usize::from(permit.is_ok()), Ordering::Relaxed);
                        barrier.wait();
                        drop(permit);
                    })
                    .unwrap();
            }
        });
        assert_eq!(admitted.into_inner(), requests as usize);
        let s = b.snapshot_at(ms(30_000));
        assert_eq!((s.state, s.probes, s.rejected), (HalfOpen, 0, 1000 - u64::from(requests)));
    }
}

#[test]
fn drop_and_panic_give_the_probe_back() {
    let b = new();
    b.force_state_at(Open, ms(0));
    for _ in 0..3 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _permit = admit(&b, 30_000);
            panic!("body");
        }));
        assert!(panicked.is_err());
        assert_eq!(b.snapshot_at(ms(30_000)).probes, 0);
    }
    assert_eq!(run(&b, 30_000, "S"), Closed);
}

#[test]
fn a_panicking_subscriber_disables_nothing() {
    let b = new().failure_threshold(1);
    let log = recorded(&b);
    b.subscribe(|t| assert!(t.to != Open, "hook")).detach();
    let failed = catch_unwind(AssertUnwindSafe(|| run(&b, 0, "F")));
    assert!(failed.is_err());
    assert_eq!(b.state(), Open);
    assert_eq!(run(&b, 30_000, "S"), Closed);
    assert_eq!(*log.lock().unwrap(), [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)]);
}

#[test]
fn transitions_of_many_threads_are_told_once_and_in_order() {
    static B: CircuitBreaker = CircuitBreaker::new("order").failure_threshold(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let subscription = B.subscribe(move |t| log.lock().unwrap().push(t.clone()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..200 {
                    if let Ok(permit) = B.try_acquire_at(ms(n * 40_000), 0) {
                        if n % 2 == 0 {
                            permit.failure_at(ms(n * 40_000));
                        } else {
                            permit.success_at(ms(n * 40_000));
                        }
                    }
                }
            });
        }
    });
    drop(subscription);
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 2);
    for pair in seen.windows(2) {
        assert_eq!(pair[0].to, pair[1].from);
        assert_eq!(pair[0].generation + 1, pair[1].generation);
    }
}

#[test]
fn forced_states_hold_until_they_are_lifted() {
    let b = new().failure_threshold(1);
    b.force_open();
    assert_eq!(refused(&b, u64::MAX / 1_000_000), None);
    b.force_closed();
    assert_eq!(run(&b, 0, "FFF"), ForcedClosed);
    b.disable();
    assert_eq!(run(&b, 0, "FFF"), Disabled);
    b.reset();
    assert_eq!(run(&b, 0, "F"), Open);
    b.force_open();
    assert_eq!(b.state(), ForcedOpen);
    b.reset();
    assert_eq!(b.state(), Closed);
}

#[test]
fn a_reset_forgets_what_calls_under_way_will_say() {
    let b = new().failure_threshold(1);
    let before = admit(&b, 0);
    b.reset();
    before.failure_at(ms(0));
    assert_eq!(b.state(), Closed);
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let b = new();
    b.force_state_at(Open, ms(100_000));
    refused(&b, 0);
    let probe = admit(&b, 130_000);
    refused(&b, 0);
    assert_eq!(b.state(), HalfOpen);
    probe.failure_at(ms(5));
    assert_eq!(refused(&b, 130_000), Some(secs(30)));
}

#[test]
fn jitter_lengthens_a_break_by_at_most_its_share() {
    let end = |random| {
        let b = CircuitBreaker::new("jitter");
        b.force_state_at(Open, ms(0));
        b.try_acquire_at(ms(0), random).unwrap_err().retry_after.unwrap()
    };
    assert_eq!(end(0), secs(30));
    assert_eq!(end(u64::MAX), secs(33));
    assert!(end(1 << 63) > secs(31) && end(1 << 63) < secs(32));
}

#[test]
fn slow_calls_are_noticed_in_flight_and_when_given_up() {
    let b = new().failure_threshold(2).slow_call(secs(1));
    let permit = admit(&b, 0);
    let permit = permit.slow_at(ms(1_000)).expect_err("not slow yet");
    assert!(permit.slow_at(ms(1_001)).is_ok());
    admit(&b, 0).abandon_at(ms(500));
    assert_eq!(b.state(), Closed);
    admit(&b, 0).abandon_at(ms(1_500));
    assert_eq!(b.state(), Open);
}

#[test]
fn call_counts_errors_and_lets_panics_through() {
    #[derive(Debug)]
    struct Failed;
    impl From<CircuitOpen> for Failed {
        fn from(_: CircuitOpen) -> Self {
            Failed
        }
    }
    let b = new().failure_threshold(2);
    assert!(b.call(|| Ok::<_, Failed>(1)).is_ok());
    assert!(b.call(|| Err::<(), _>(Failed)).is_err());
    assert!(
        catch_unwind(AssertUnwindSafe(|| b.call(|| -> Result<(), Failed> { panic!() }))).is_err()
    );
    assert_eq!(b.snapshot().consecutive_failures, 1);
    let _ = b.call(|| Err::<(), _>(Failed));
    let mut called = false;
    assert!(
        b.call(|| {
            called = true;
            Ok::<_, Failed>(())
        })
        .is_err()
    );
    assert!(!called);
}

#[test]
fn f89_names_are_bounded_and_the_rest_works_unshared() {
    let names = registry::Names::new();
    for n in 0..1100 {
        let name: &'static str = Box::leak(format!("bounded-{n}").into_boxed_str());
        let b: &'static CircuitBreaker = Box::leak(Box::new(CircuitBreaker::new(name)));
        let registered = names.put(Registered::One(b), Registered::agrees_with);
        assert!(matches!(registered, Registered::One(found) if std::ptr::eq(found, b)));
    }
    assert_eq!(names.len(), 1024);
}

#[test]
fn a_rejection_is_counted_once_whatever_clock_it_asks() {
    let opened = || {
        let b = new().failure_threshold(1).recovery_timeout(secs(3600));
        b.try_acquire().unwrap().failure();
        b
    };
    let b = opened();
    for n in 1..=3 {
        let left = b.try_acquire().unwrap_err().retry_after.unwrap();
        assert!(left > secs(3590) && left <= secs(3600), "{left:?}");
        assert_eq!(b.snapshot().rejected, n);
    }
    b.force_open();
    assert_eq!(b.try_acquire().unwrap_err().retry_after, None);
    assert_eq!(b.snapshot().rejected, 4);

    let scope = crate::testing::scope();
    let b = opened();
    for n in 1..=3 {
        scope.advance(secs(60));
        let left = b.try_acquire().unwrap_err().retry_after;
        assert_eq!(left, Some(secs(3600 - 60 * n)));
        assert_eq!(b.snapshot().rejected, n);
    }
    scope.advance(secs(3600 - 180));
    assert!(b.try_acquire().unwrap().is_probe());
    assert_eq!(b.snapshot().rejected, 3);
}

#[test]
fn a_break_of_centuries_rejects_and_a_windowed_breaker_counts_by_hand() {
    let b = new().failure_threshold(1).recovery_timeout(Duration::MAX);
    b.try_acquire().unwrap().failure();
    assert!(b.try_acquire().unwrap_err().retry_after.unwrap() > secs(86_400 * 365 * 100));
    assert_eq!(b.snapshot().rejected, 1);

    for b in [new().window(4), new().window_duration(secs(100))] {
        let b = b.failure_rate(0.5).minimum_calls(4);
        (0..3).for_each(|_| b.try_acquire().unwrap().success());
        b.try_acquire().unwrap().failure();
        let s = b.snapshot();
        assert_eq!((s.state, s.calls, s.failed), (State::Closed, 4, 1));
        b.try_acquire().unwrap().failure();
        b.try_acquire().map(Permit::failure).ok();
        assert_eq!(b.state(), State::Open);
    }
}
