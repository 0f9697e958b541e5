//! Cases of other libraries' suites; the letters and numbers are those of the project's table.

use super::super::State::{Closed, HalfOpen, Open};
use super::*;

fn r4() -> CircuitBreaker {
    new()
        .failure_rate(0.5)
        .window_duration(secs(20))
        .minimum_calls(5)
        .half_open_requests(4)
        .recovery_timeout(secs(5))
}

fn polly() -> CircuitBreaker {
    new().failure_rate(0.5).window_duration(secs(10)).minimum_calls(4)
}

#[test]
fn a1_to_a3_whether_a_success_trips_the_rate() {
    let b = r4().trip_on_success(true);
    assert_eq!(run(&b, 0, "FFFS"), Closed);
    let s = b.snapshot_at(ms(0));
    assert_eq!((s.failure_rate, s.calls, s.failed), (None, 4, 3));
    assert_eq!(run(&b, 0, "S"), Open);
    refused(&b, 0);
    assert_eq!(b.snapshot_at(ms(0)).rejected, 1);

    let b = r4();
    assert_eq!(run(&b, 0, "FFFSS"), Closed);
    assert_eq!(b.snapshot_at(ms(0)).failure_rate, Some(0.6));
    assert_eq!(run(&polly(), 0, "FFFS"), Closed);
}

#[test]
fn a4_a6_below_the_rate_or_the_minimum_stays_closed() {
    let b = r4();
    for (at, result) in ["S", "S", "S", "F", "F"].iter().enumerate() {
        assert_eq!(run(&b, at as u64 * 1000, result), Closed);
    }
    for (calls, failed, trips) in [(10, 0, false), (10, 1, true), (11, 2, true), (9, 1, false)] {
        let b = new().failure_rate(0.1).window(100).minimum_calls(10);
        let script = "S".repeat(calls - failed) + &"F".repeat(failed);
        assert_eq!(run(&b, 0, &script) == Open, trips, "{calls} calls, {failed} failed");
    }
}

#[test]
fn a8_to_a11_the_window_rolls() {
    let tick = |b: &CircuitBreaker, failed: &str| {
        let at = Timestamp::from_nanos(9_999_999_900);
        for f in failed.chars() {
            let p = b.try_acquire_at(at, 0).unwrap();
            if f == 'F' { p.failure_at(at) } else { p.success_at(at) }
        }
    };
    let b = polly();
    run(&b, 0, "SS");
    tick(&b, "F");
    assert_eq!(run(&b, 10_000, "F"), Closed);
    assert_eq!(b.snapshot_at(ms(10_000)).calls, 2);
    let b = polly();
    run(&b, 0, "S");
    tick(&b, "SSF");
    assert_eq!(run(&b, 10_000, "F"), Open);
    let b = polly();
    run(&b, 0, "S");
    tick(&b, "FF");
    assert_eq!(run(&b, 10_000, "F"), Closed);
    let b = polly();
    run(&b, 1_000, "FFS");
    assert_eq!(run(&b, 10_000, "F"), Open);
}

#[test]
fn a12_a22_a29_consecutive_failures() {
    let b = new().failure_threshold(6);
    assert_eq!(run(&b, 0, "FFFFFSFFFFF"), Closed);
    assert_eq!(run(&b, 0, "F"), Open);
    assert_eq!(b.snapshot_at(ms(0)).consecutive_failures, 0);
    assert_eq!(run(&new().failure_threshold(2), 0, &"SF".repeat(20)), Closed);
    let b = new().failure_threshold(3);
    assert_eq!(run(&b, 0, "FSFF"), Closed);
    assert_eq!(run(&b, 0, "F"), Open);
}

#[test]
fn a13_ignored_calls_are_in_no_count() {
    let b = new().failure_rate(0.6).window_duration(secs(30)).minimum_calls(3);
    assert_eq!(run(&b, 0, &"SFX".repeat(5)), Closed);
    let s = b.snapshot_at(ms(0));
    assert_eq!((s.calls, s.failed), (10, 5));
    // A14, A15: the window slides, so the call at 29.999 s still counts a second later.
    run(&b, 29_999, "S");
    run(&b, 30_999, "F");
    assert_eq!(b.snapshot_at(ms(30_999)).calls, 2);
}

#[test]
fn a20_to_a25_shares_of_counted_calls() {
    assert_eq!(run(&new().failure_rate(0.66).window(3), 0, "FSF"), Open);
    let hystrix = || new().failure_rate(0.5).window(100).minimum_calls(8);
    assert_eq!(run(&hystrix(), 0, "SSFSFSFF"), Open);
    assert_eq!(run(&hystrix(), 0, "SSFSSFSF"), Closed);
    assert_eq!(run(&hystrix(), 0, "FFFF"), Closed);
    // A26: a timeout is reported as a failure.
    assert_eq!(run(&new().failure_rate(0.5).window(100).minimum_calls(4), 0, "FFFF"), Open);
}

#[test]
fn a27_slow_calls_open_it() {
    let b =
        new().failure_rate(0.5).window(10).minimum_calls(5).slow_call(secs(4)).slow_call_rate(0.5);
    timed(&b, 0, 5_000, true);
    timed(&b, 0, 5_000, false);
    timed(&b, 0, 100, true);
    timed(&b, 0, 100, false);
    let s = b.snapshot_at(ms(0));
    assert_eq!((s.calls, s.failed, s.slow), (4, 2, 2));
    assert_eq!(timed(&b, 0, 5_000, false), Open);
}

#[test]
fn a33_to_a35_rates_at_the_edge() {
    assert_eq!(run(&new().failure_rate(1.0).window(5).minimum_calls(1), 0, "F"), Open);
    // linkerd's success threshold 1.0: any failure trips.
    let b = new().failure_rate(0.000_1).window(10).minimum_calls(4);
    assert_eq!(run(&b, 0, "SSS"), Closed);
    assert_eq!(run(&b, 0, "F"), Open);
    let b = new().failure_rate(0.5).window_duration(secs(10)).minimum_calls(1);
    assert_eq!(run(&b, 0, "F"), Open);
    b.force_state_at(Closed, ms(0));
    run(&b, 11_000, "S");
    assert_eq!(b.snapshot_at(ms(11_000)).failure_rate, Some(0.0));
    b.force_state_at(Closed, ms(11_000));
    assert_eq!(b.snapshot_at(ms(11_000)).failure_rate, None);
}

fn opened(b: CircuitBreaker) -> CircuitBreaker {
    b.force_state_at(Open, ms(0));
    b
}

#[test]
fn b1_b2_b24_the_break_ends_inclusively() {
    let b = opened(new().recovery_timeout(secs(5)));
    assert_eq!(refused(&b, 3_000), Some(secs(2)));
    refused(&b, 3_000);
    let permit = admit(&b, 6_000);
    assert_eq!((b.state(), b.snapshot_at(ms(6_000)).rejected), (HalfOpen, 2));
    drop(permit);
    let b = opened(new().recovery_timeout(secs(7200)));
    refused(&b, 3_600_000);
    drop(admit(&b, 7_201_000));
    let b = opened(new().recovery_timeout(secs(60)));
    refused(&b, 59_999);
    drop(admit(&b, 60_000));
}

#[test]
fn b3_b37_b38_breaks_lengthen_and_stale_results_change_nothing() {
    let b = new().failure_threshold(1).recovery_timeout(secs(5)).recovery_factor(1.5);
    run(&b, 0, "F");
    assert_eq!(run(&b, 6_000, "F"), Open);
    assert_eq!(refused(&b, 12_000), Some(Duration::from_millis(1_500)));
    drop(admit(&b, 17_000));

    let b = new()
        .failure_threshold(2)
        .recovery_timeout(secs(1))
        .recovery_factor(2.0)
        .max_recovery_timeout(secs(100));
    let stale = admit(&b, 0);
    assert_eq!(run(&b, 0, "FF"), Open);
    refused(&b, 500);
    let probe = admit(&b, 1_000);
    refused(&b, 1_000);
    probe.failure_at(ms(1_000));
    stale.success_at(ms(2_000));
    refused(&b, 2_999);
    assert_eq!(run(&b, 3_000, "S"), Closed);
}

#[test]
fn what_breaks_down_soon_after_its_probes_meets_a_longer_break() {
    let doubling = || new().failure_threshold(1).recovery_timeout(secs(5)).recovery_factor(2.0);
    let b = opened(doubling());
    // Healthy for one probe and a while, but shorter than its break.
    assert_eq!(run(&b, 5_000, "S"), Closed);
    assert_eq!(run(&b, 9_999, "F"), Open);
    assert_eq!((refused(&b, 9_999), b.snapshot_at(ms(9_999)).breaks), (Some(secs(10)), 2));
    // As long as its break: it is over.
    assert_eq!(run(&b, 20_000, "S"), Closed);
    assert_eq!(b.snapshot_at(ms(29_999)).breaks, 2);
    assert_eq!(b.snapshot_at(ms(30_000)).breaks, 0);
    assert_eq!(run(&b, 30_000, "F"), Open);
    assert_eq!(refused(&b, 30_000), Some(secs(5)));
    // By hand as well.
    assert_eq!(run(&b, 35_000, "S"), Closed);
    b.force_state_at(Closed, ms(35_000));
    assert_eq!(run(&b, 35_000, "F"), Open);
    assert_eq!(refused(&b, 35_000), Some(secs(5)));
}

#[test]
fn b4_b8_b9_permits_go_back() {
    let b = opened(r4());
    let mut permits: Vec<_> = (0..4).map(|_| admit(&b, 5_000)).collect();
    refused(&b, 5_000);
    refused(&b, 5_000);
    permits.pop();
    permits.push(admit(&b, 5_000));
    drop(permits);
    assert_eq!(run(&b, 5_000, "XXXX"), HalfOpen);
    assert_eq!(run(&b, 5_000, "SSSS"), Closed);
    // B5, B8: half-open is decided by one failure, not by a rate.
    assert_eq!(run(&opened(r4()), 5_000, "F"), Open);
    assert_eq!(run(&opened(r4()), 5_000, "SSSXF"), Open);
}

#[test]
fn b7_a_slow_probe_reopens() {
    let b = opened(r4().slow_call(secs(4)).slow_call_rate(0.5));
    assert_eq!(timed(&b, 5_000, 9_500, false), Open);
}

#[test]
fn b10_b15_b16_a_lost_probe_is_reclaimed() {
    let b = opened(new().recovery_timeout(secs(5)));
    let lost = admit(&b, 5_000);
    assert_eq!(refused(&b, 6_000), Some(secs(4)));
    // At 10 s it has failed, a break of 5 s begins, and at 15 s there is another probe.
    assert_eq!(refused(&b, 10_000), Some(secs(5)));
    assert_eq!(b.state(), Open);
    let next = admit(&b, 15_000);
    lost.success_at(ms(15_000));
    assert_eq!(b.state(), HalfOpen);
    next.success_at(ms(15_000));
    assert_eq!(b.state(), Closed);
    // Nobody asked for long: both steps at once, at the price of one.
    let b = opened(new().recovery_timeout(secs(5)).probe_timeout(secs(1)));
    let log = recorded(&b);
    let lost = admit(&b, 5_000);
    let next = admit(&b, 1_000_000_000);
    assert_eq!(*log.lock().unwrap(), [(Open, HalfOpen), (HalfOpen, Open), (Open, HalfOpen)]);
    drop(lost);
    refused(&b, 1_000_000_000);
    drop(next);
    // A result after the expiry is itself too late.
    let b = opened(new().recovery_timeout(secs(5)).probe_timeout(secs(1)));
    admit(&b, 5_000).success_at(ms(6_000));
    assert_eq!(b.state(), Open);
}

#[test]
fn b17_b18_b20_results_of_probes() {
    assert_eq!(run(&opened(new()), 30_000, "S"), Closed);
    assert_eq!(run(&opened(new()), 30_000, "F"), Open);
    let b = new().failure_threshold(1);
    let log = recorded(&b);
    let late = [admit(&b, 0), admit(&b, 0)];
    run(&b, 0, "F");
    let [success, failure] = late;
    success.success_at(ms(1));
    failure.failure_at(ms(1));
    assert_eq!(*log.lock().unwrap(), [(Closed, Open)]);
    let b = opened(new().recovery_timeout(Duration::MAX).recovery_jitter(1.0));
    assert!(b.try_acquire_at(ms(1), u64::MAX).unwrap_err().retry_after > Some(secs(1 << 33)));
}

#[test]
fn b27_to_b40_counted_successes_close() {
    let b = opened(new().half_open_requests(3));
    assert_eq!(run(&b, 30_000, "SS"), HalfOpen);
    let last = admit(&b, 30_000);
    refused(&b, 30_000);
    last.success_at(ms(30_000));
    assert_eq!(b.state(), Closed);
    assert_eq!(run(&opened(new().half_open_requests(3)), 30_000, "SSF"), Open);
    assert_eq!(run(&opened(new().half_open_requests(3)), 30_000, "SSS"), Closed);
}

/// Where this breaker has decided otherwise than the suite, what it does instead.
#[test]
fn a31_b28_to_b33_half_open_counts_no_failures_and_one_break_holds() {
    // B28, B30, B31, B33: no failure is forgiven while half-open, whatever came before it.
    for script in ["F", "SF", "SSF", "SSSF"] {
        assert_eq!(run(&opened(new().half_open_requests(4)), 30_000, script), Open, "{script}");
    }
    // A31: one reason to open, so one length of a break; a second failure does not prolong it.
    let b = new().failure_threshold(3).recovery_timeout(secs(5));
    let late = admit(&b, 0);
    assert_eq!(run(&b, 0, "FFF"), Open);
    late.failure_at(ms(4_000));
    assert_eq!(refused(&b, 4_000), Some(secs(1)));
}

#[test]
fn a14_a15_the_interval_of_the_other_suite_is_a_window_that_slides() {
    let b = new().failure_rate(0.6).window_duration(secs(30)).minimum_calls(3);
    run(&b, 0, "SFX");
    assert_eq!(run(&b, 31_000, "FS"), Closed);
    assert_eq!(run(&b, 31_000, "F"), Open, "two of three");
    let s = b.snapshot_at(ms(31_000));
    assert_eq!((s.calls, s.failed), (0, 0));
}

#[test]
fn b18_what_arrives_while_open_is_no_event_and_in_no_window() {
    let b = r4();
    let late = [admit(&b, 0), admit(&b, 0)];
    let log = recorded(&b);
    b.force_state_at(Open, ms(0));
    let [success, failure] = late;
    success.success_at(ms(1));
    failure.failure_at(ms(1));
    assert_eq!(*log.lock().unwrap(), [(Closed, Open)]);
    assert_eq!(b.snapshot_at(ms(1)).calls, 0);
}
