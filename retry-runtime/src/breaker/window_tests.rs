//! Windows alone, each case under the number it has in the project's table.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn calls(window: u32, results: &str) -> Vec<Counts> {
    let window = CallWindow::new(window);
    let record = |result| {
        window.record(1, result == 'F', false);
        window.counts(1)
    };
    results.chars().map(record).collect()
}

#[test]
fn c1_to_c4_the_last_calls() {
    let counts = calls(10, "SSFFFFFFSSSSSSS");
    assert_eq!(counts[3], Counts { calls: 4, failed: 2, slow: 0 });
    assert_eq!(counts[11], Counts { calls: 10, failed: 6, slow: 0 });
    assert_eq!(counts[14].failed, 3);
    let failed: Vec<_> = calls(4, "FSSSS").iter().map(|c| (c.failed, c.calls)).collect();
    assert_eq!(failed, [(1, 1), (1, 2), (1, 3), (1, 4), (0, 4)]);
}

#[test]
fn c6_slow_calls_are_counted_apart() {
    let window = CallWindow::new(5);
    for (failed, slow) in [(false, true), (true, true), (false, false), (false, false)] {
        window.record(0, failed, slow);
    }
    window.record(0, false, false);
    assert_eq!(window.counts(0), Counts { calls: 5, failed: 1, slow: 2 });
}

#[test]
fn c7_c12_c14_the_last_while() {
    let window = TimeWindow::new(5 * SECOND);
    for (at, failed) in [(0, true), (SECOND / 10, false), (SECOND / 10 * 8, true)] {
        window.record(0, at, failed, false);
    }
    assert_eq!(window.counts(0, SECOND / 10 * 48).calls, 3);
    assert_eq!(window.counts(0, SECOND / 10 * 58).calls, 0);

    let window = TimeWindow::new(4 * SECOND);
    let mut rates = Vec::new();
    for (tenths, good, bad) in
        [(9, 10, 40), (10, 10, 0), (25, 0, 20), (31, 5, 20), (54, 8, 0), (73, 0, 5)]
    {
        let at = tenths * SECOND / 10;
        for n in 0..good + bad {
            window.record(0, at, n < bad, false);
        }
        let counts = window.counts(0, at);
        rates.push((counts.calls - counts.failed, counts.calls));
    }
    assert_eq!(rates, [(10, 50), (20, 60), (20, 80), (25, 105), (13, 53), (8, 13)]);
    assert_eq!(window.counts(0, 225 * SECOND / 10).calls, 0);
    // Ten years later, and at the end of the clock.
    for at in [315_360_000 * SECOND, u64::MAX] {
        window.record(0, at, true, false);
        assert_eq!(window.counts(0, at), Counts { calls: 1, failed: 1, slow: 0 });
    }
}

#[test]
fn generations_do_not_meet() {
    let (by_calls, by_time) = (CallWindow::new(3), TimeWindow::new(SECOND));
    by_calls.record(5, true, false);
    by_time.record(5, 0, true, false);
    by_calls.record(6, false, false);
    by_time.record(6, 0, false, false);
    by_time.record(5, 0, true, false);
    assert_eq!((by_calls.counts(5).calls, by_calls.counts(6).calls), (1, 1));
    assert_eq!(by_time.counts(6, 0), Counts { calls: 1, failed: 0, slow: 0 });
}

#[test]
fn shares_survive_a_full_slice() {
    let window = TimeWindow::new(SECOND);
    for n in 0..600_000 {
        window.record(0, 0, n % 4 == 0, false);
    }
    let counts = window.counts(0, 0);
    assert!((counts.failure_rate() - 0.25).abs() < 0.01, "{counts:?}");
}

#[test]
fn threads_fill_a_window_of_calls_together() {
    let window = CallWindow::new(128);
    std::thread::scope(|scope| {
        for failed in [true, false] {
            let window = &window;
            scope.spawn(move || (0..10_000).for_each(|_| window.record(0, failed, false)));
        }
    });
    assert_eq!(window.counts(0).calls, 128);
}
