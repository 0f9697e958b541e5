//! What generated code holds: sharing by name, passes, keys.

#![allow(clippy::items_after_statements, reason = "a static stands where it is used")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::State::{Closed, Disabled, ForcedOpen, HalfOpen, Open};
use super::super::{Attached, Pass, breaker, breakers, conflicts};
use super::*;
use crate::testing;

/// As in generated code: a static, of a breaker that the first failure opens.
macro_rules! attached {
    ($name:literal $(, $setting:ident($($value:expr),*))*) => {{
        static B: Attached = Attached::named(
            CircuitBreaker::new($name).failure_threshold(1) $(.$setting($($value),*))*
        );
        &B
    }};
}

fn keyed(name: &'static str, keys: u32) -> &'static Attached {
    let own = CircuitBreaker::new(name).failure_threshold(1).recovery_jitter(0.0);
    Box::leak(Box::new(Attached::keyed(own, keys)))
}

#[test]
fn a_pass_can_be_sent_and_kept() {
    fn is<T: Send + Sync + 'static>() {}
    is::<Pass>();
    assert!(size_of::<Pass>() <= 48, "{}", size_of::<Pass>());
}

#[test]
fn f24_functions_of_one_name_share_a_breaker() {
    let (one, other) = (attached!("att-share"), attached!("att-share"));
    one.admit().unwrap().failure();
    assert!(other.admit().is_err());
    assert!(other.until_half_open() > Some(secs(29)));
    assert!(!conflicts().contains(&"att-share"));
}

#[test]
fn f88_conflicting_settings_are_listed_and_the_first_hold() {
    let one = attached!("att-conflict");
    let other = attached!("att-conflict", half_open_requests(2));
    let by_key = keyed("att-conflict", 8);
    one.admit().unwrap().failure();
    assert!(other.admit().is_err());
    // A breaker for each key cannot be replaced by a single one.
    by_key.admit_key("a").unwrap().success();
    assert!(conflicts().contains(&"att-conflict"));
    assert_eq!(other.configuration().half_open_requests, 2);
    assert_eq!(breaker("att-conflict").unwrap().configuration().half_open_requests, 1);
}

#[test]
fn a_static_that_is_named_by_its_path_is_the_one_that_counts() {
    static OWN: CircuitBreaker = CircuitBreaker::new("att-path").failure_threshold(1);
    static BY_PATH: Attached = Attached::of(&OWN);
    let by_name = attached!("att-path");
    BY_PATH.admit().unwrap().failure();
    assert_eq!(OWN.state(), Open);
    assert!(by_name.admit().is_err());
    // A second static of this name would be looked at in vain.
    static SECOND: CircuitBreaker = CircuitBreaker::new("att-path").failure_threshold(1);
    static BY_SECOND: Attached = Attached::of(&SECOND);
    assert!(BY_SECOND.admit().is_ok());
    assert!(conflicts().contains(&"att-path"));
}

#[test]
fn f15_a_pass_is_given_back_once_by_whatever_way() {
    let scope = testing::scope();
    let b = attached!("att-once", half_open_requests(3), recovery_jitter(0.0));
    b.admit().unwrap().failure();
    scope.advance(secs(30));
    let handle = breaker("att-once").unwrap();
    let probes = || handle.snapshot().probes;
    let pass = b.admit().unwrap();
    assert!(pass.is_probe());
    assert_eq!(probes(), 1);
    drop(pass);
    b.admit().unwrap().ignore();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _pass = b.admit().unwrap();
        panic!("body");
    }));
    assert!(panicked.is_err());
    assert_eq!((probes(), handle.state()), (0, HalfOpen));
    for _ in 0..3 {
        assert_eq!(b.admit().unwrap().answer().until_half_open(), None);
    }
    assert_eq!(handle.state(), Closed);
}

#[test]
fn f16_f86_f87_a_pass_of_an_earlier_period_changes_nothing() {
    let scope = testing::scope();
    let b = attached!("att-stale", recovery_jitter(0.0));
    let stale: Vec<Pass> = (0..4).map(|_| b.admit().unwrap()).collect();
    let handle = breaker("att-stale").unwrap();
    // A full cycle: closed, as when they were admitted.
    b.admit().unwrap().failure();
    scope.advance(secs(30));
    b.admit().unwrap().success();
    assert_eq!(handle.state(), Closed);
    let generation = handle.snapshot().generation;
    for (n, pass) in stale.into_iter().enumerate() {
        if n % 2 == 0 { drop(pass.failure()) } else { pass.success() }
    }
    assert_eq!((handle.state(), handle.snapshot().generation), (Closed, generation));
}

#[test]
fn f85_a_thousand_threads_at_the_half_open_edge_get_the_passes_there_are() {
    let b = attached!(
        "att-edge",
        half_open_requests(7),
        recovery_timeout(Duration::from_nanos(1)),
        probe_timeout(secs(3600)),
        recovery_jitter(0.0)
    );
    b.admit().unwrap().failure();
    let (barrier, admitted) = (Barrier::new(1000), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..1000 {
            let builder = std::thread::Builder::new().stack_size(64 * 1024);
            let run = || {
                barrier.wait();
                let pass = b.admit();
                admitted.fetch_add(usize::from(pass.is_ok()), Ordering::Relaxed);
                barrier.wait();
                drop(pass);
            };
            builder.spawn_scoped(scope, run).unwrap();
        }
    });
    let s = breaker("att-edge").unwrap().snapshot();
    assert_eq!((admitted.into_inner(), s.rejected, s.probes), (7, 993, 0));
}

#[test]
fn windows_of_a_healthy_breaker_count_what_passes_say() {
    let calls = attached!("att-calls", failure_threshold(3));
    static RATE: Attached = Attached::named(
        CircuitBreaker::new("att-rate").failure_rate(0.5).window(10).minimum_calls(4),
    );
    static TIME: Attached = Attached::named(
        CircuitBreaker::new("att-time")
            .failure_rate(0.5)
            .window_duration(Duration::from_secs(3600))
            .minimum_calls(4),
    );
    for _ in 0..2 {
        calls.admit().unwrap().failure();
    }
    calls.admit().unwrap().success();
    assert_eq!(breaker("att-calls").unwrap().snapshot().consecutive_failures, 0);
    for b in [&RATE, &TIME] {
        b.admit().unwrap().failure();
        (0..2).for_each(|_| b.admit().unwrap().success());
        let s = breaker(b.name()).unwrap().snapshot();
        assert_eq!((s.calls, s.failed, s.state), (3, 1, Closed));
        assert!(b.admit().unwrap().failure().until_half_open().is_some());
    }
}

#[test]
fn a_limit_makes_what_is_given_up_late_a_slow_call() {
    let scope = testing::scope();
    static B: Attached =
        Attached::named(CircuitBreaker::new("att-limit").failure_threshold(1)).limit(secs(2));
    let (early, late) = (B.admit().unwrap(), B.admit().unwrap());
    scope.advance(secs(2));
    drop(early);
    assert_eq!(breaker("att-limit").unwrap().state(), Closed);
    scope.advance(Duration::from_nanos(1));
    drop(late);
    assert_eq!(breaker("att-limit").unwrap().state(), Open);
}

#[test]
fn a_probe_has_as_long_as_the_function_lets_it_run() {
    let scope = testing::scope();
    static B: Attached =
        Attached::named(CircuitBreaker::new("att-probe-limit").failure_threshold(1))
            .limit(secs(90));
    B.admit().unwrap().failure();
    scope.advance(secs(34));
    let probe = B.admit().unwrap();
    scope.advance(secs(89));
    assert!(B.admit().is_err());
    probe.success();
    assert_eq!(breaker("att-probe-limit").unwrap().state(), Closed);
}

#[test]
fn a_scope_has_breakers_of_its_own() {
    let b = attached!("att-scope");
    let by_key = keyed("att-scope-keyed", 8);
    b.admit().unwrap().failure();
    by_key.admit_key("a").unwrap().failure();
    {
        let scope = testing::scope();
        b.admit().unwrap().success();
        by_key.admit_key("a").unwrap().success();
        assert_eq!(breaker("att-scope").unwrap().state(), Closed);
        breaker("att-scope").unwrap().force_open();
        assert!(b.admit().is_err());
        let seen = scope.handle();
        std::thread::scope(|threads| {
            threads.spawn(|| {
                assert_eq!(breaker("att-scope").unwrap().state(), Open, "outside");
                seen.enter(|| assert_eq!(breaker("att-scope").unwrap().state(), ForcedOpen));
            });
        });
        let other = testing::scope();
        b.admit().unwrap().failure();
        other.advance(secs(40));
        assert!(b.admit().unwrap().is_probe());
    }
    assert_eq!(breaker("att-scope").unwrap().state(), Open);
    assert!(by_key.admit_key("a").is_err());
}

#[test]
fn f25_keys_are_bounded_and_idle_closed_ones_make_room() {
    let scope = testing::scope();
    let b = keyed("att-keys", 4);
    let handle = || breaker("att-keys").unwrap();
    b.admit_key("open").unwrap().failure();
    let held = b.admit_key("held").unwrap();
    for n in 0..1000 {
        b.admit_key(&format!("{n}")).unwrap().success();
        assert!(handle().keys().iter().filter(|s| s.key.is_some()).count() <= 4);
    }
    assert_eq!(handle().for_key("open").unwrap().state(), Open);
    assert_eq!(b.admit_key("open").unwrap_err().name, "att-keys");
    drop(held);
    assert!(handle().for_key("999").is_some(), "the newest is in use");
    // Nothing idle: the rest share one breaker, and a long key never has its own.
    for key in ["a", "b", "c"] {
        b.admit_key(key).unwrap().failure();
    }
    (0..8).for_each(|n| drop(b.admit_key(&format!("rest-{n}")).unwrap()));
    b.admit_key("rest-0").unwrap().failure();
    assert!(b.admit_key("rest-1").is_err());
    assert!(b.admit_key(&"k".repeat(257)).is_err());
    assert_eq!(handle().keys().last().unwrap().key, None);
    assert_eq!((handle().snapshot().keys, handle().state()), (Some(4), Open));
    // A break that is long over does not keep its place for ever.
    scope.advance(secs(3600));
    b.admit_key("new").unwrap().success();
    assert!(handle().for_key("new").is_some());
}

#[test]
fn a_call_of_another_thread_keeps_its_key_and_every_thread_meets_the_new_one() {
    let b = keyed("att-elsewhere", 4);
    let handle = || breaker("att-elsewhere").unwrap();
    let (to_other, told) = std::sync::mpsc::channel::<()>();
    let (to_this, heard) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Known to this thread, and under way in it.
            let pass = b.admit_key("a").unwrap();
            to_this.send(true).unwrap();
            told.recv().unwrap();
            pass.success();
            to_this.send(true).unwrap();
            told.recv().unwrap();
            to_this.send(b.admit_key("a").is_ok()).unwrap();
        });
        heard.recv().unwrap();
        let flood = |from: u32| (from..from + 100).for_each(|n| drop(b.admit_key(&n.to_string())));
        flood(0);
        assert!(handle().for_key("a").is_some(), "a call is under way");
        to_other.send(()).unwrap();
        heard.recv().unwrap();
        flood(100);
        assert!(handle().for_key("a").is_none(), "idle");
        b.admit_key("a").unwrap().failure();
        to_other.send(()).unwrap();
        assert!(!heard.recv().unwrap(), "it has met the breaker that is open now");
    });
}

#[test]
fn a_break_to_remember_keeps_its_key() {
    let scope = testing::scope();
    let b: &'static Attached = Box::leak(Box::new(Attached::keyed(
        CircuitBreaker::new("att-remembers").failure_threshold(1).recovery_factor(2.0),
        2,
    )));
    b.admit_key("flapping").unwrap().failure();
    scope.advance(secs(34));
    b.admit_key("flapping").unwrap().success();
    let flood = |from: u32| (from..from + 100).for_each(|n| drop(b.admit_key(&n.to_string())));
    flood(0);
    b.admit_key("flapping").unwrap().failure();
    assert!(b.until_half_open_key("flapping") >= Some(secs(60)));
    scope.advance(secs(70));
    b.admit_key("flapping").unwrap().success();
    scope.advance(secs(60));
    flood(100);
    assert!(breaker("att-remembers").unwrap().for_key("flapping").is_none(), "that is over");
}

#[test]
fn keys_are_found_by_their_value_and_forced_together() {
    let b = keyed("att-family", 8);
    let handle = breaker_of(b);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let subscription = handle.subscribe(move |t| {
        log.lock().unwrap().push((t.key.as_deref().map(str::to_owned), t.to));
    });
    let key = crate::key::Key::new().part("a.example");
    b.admit_key(key.as_str()).unwrap().failure();
    assert_eq!(handle.for_key("a.example").unwrap().state(), Open);
    assert!(handle.for_key("b.example").is_none());
    assert_eq!(b.until_half_open_key("other"), None);
    assert!(b.until_half_open_key(key.as_str()) > Some(secs(29)));
    handle.disable();
    assert_eq!(b.admit_key("new").unwrap().failure().until_half_open(), None);
    assert_eq!(handle.for_key("new").unwrap().state(), Disabled);
    handle.reset();
    assert_eq!(handle.state(), Closed);
    drop(subscription);
    b.admit_key("new").unwrap().failure();
    let heard = heard.lock().unwrap();
    let of_a: Vec<State> =
        heard.iter().filter(|h| h.0.as_deref() == Some("{a.example}")).map(|h| h.1).collect();
    assert_eq!(of_a, [Open, Disabled, Closed]);
    assert!(breakers().iter().any(|b| b.name() == "att-family"));
    assert_eq!(handle.configuration().max_keys, Some(8));
}

fn breaker_of(b: &'static Attached) -> super::super::Handle {
    b.register();
    breaker(b.name()).unwrap()
}

#[test]
fn many_threads_and_many_keys_keep_the_bound() {
    let b = keyed("att-many", 16);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            scope.spawn(move || {
                for n in 0..500_u32 {
                    let key = format!("{}", n.wrapping_mul(thread + 7) % 40);
                    if let Ok(pass) = b.admit_key(&key) {
                        if n % 50 == 0 { drop(pass.failure()) } else { pass.success() }
                    }
                }
            });
        }
    });
    let keys = breaker("att-many").unwrap().keys();
    assert!(keys.iter().filter(|s| s.key.is_some()).count() <= 16);
}
