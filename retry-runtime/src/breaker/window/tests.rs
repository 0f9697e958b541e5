//! Windows alone, each case under the number it has in the project's table.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const F: Ended = Ended { failed: true, slow: false };
const S: Ended = Ended { failed: false, slow: false };

fn window(span: Span) -> Window {
    let mut window = Window::new();
    window.set_span(span);
    window
}

const fn tag(generation: u64) -> Tag {
    Tag::of_generation(generation)
}

/// As a breaker does: successes that are not slow take the short way.
fn tell(window: &Window, generation: u64, now: u64, ended: Ended) {
    if ended == S {
        match window.shape.calls {
            0 => window.count_at(tag(generation), shard::shard(), now),
            _ => window.count(tag(generation), shard::shard()),
        }
    } else {
        window.record(tag(generation), now, ended);
    }
}

fn calls(length: u32, results: &str) -> Vec<Counts> {
    let window = window(Span::Calls(length));
    let record = |result| {
        tell(&window, 1, 0, if result == 'F' { F } else { S });
        window.counts(tag(1), 0)
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
    let window = window(Span::Calls(5));
    for (failed, slow) in [(false, true), (true, true), (false, false), (false, false)] {
        tell(&window, 0, 0, Ended { failed, slow });
    }
    tell(&window, 0, 0, S);
    assert_eq!(window.counts(tag(0), 0), Counts { calls: 5, failed: 1, slow: 2 });
}

#[test]
fn c7_c12_c14_the_last_while() {
    let w = window(Span::Nanos(5 * SECOND));
    for (at, ended) in [(0, F), (SECOND / 10, S), (SECOND / 10 * 8, F)] {
        tell(&w, 0, at, ended);
    }
    assert_eq!(w.counts(tag(0), SECOND / 10 * 48).calls, 3);
    assert_eq!(w.counts(tag(0), SECOND / 10 * 58).calls, 0);

    let w = window(Span::Nanos(4 * SECOND));
    let mut rates = Vec::new();
    for (tenths, good, bad) in
        [(9, 10, 40), (10, 10, 0), (25, 0, 20), (31, 5, 20), (54, 8, 0), (73, 0, 5)]
    {
        let at = tenths * SECOND / 10;
        for n in 0..good + bad {
            tell(&w, 0, at, if n < bad { F } else { S });
        }
        let counts = w.counts(tag(0), at);
        rates.push((counts.calls - counts.failed, counts.calls));
    }
    assert_eq!(rates, [(10, 50), (20, 60), (20, 80), (25, 105), (13, 53), (8, 13)]);
    assert_eq!(w.counts(tag(0), 225 * SECOND / 10).calls, 0);
    // Ten years later, and at the end of the clock.
    for at in [315_360_000 * SECOND, u64::MAX] {
        tell(&w, 0, at, F);
        assert_eq!(w.counts(tag(0), at), Counts { calls: 1, failed: 1, slow: 0 });
    }
}

#[test]
fn generations_do_not_meet() {
    for span in [Span::Calls(3), Span::Nanos(SECOND)] {
        let w = window(span);
        for (generation, ended) in [(5, F), (5, S), (6, S), (5, F), (5, S)] {
            tell(&w, generation, 0, ended);
        }
        assert_eq!(w.counts(tag(5), 0), Counts::default());
        assert_eq!(w.counts(tag(6), 0), Counts { calls: 1, failed: 0, slow: 0 });
        // The line has counted for 6; a success of 7 starts at nothing, one of 6 is too late.
        tell(&w, 7, 0, S);
        tell(&w, 6, 0, S);
        assert_eq!(w.counts(tag(7), 0).calls, 1);
    }
}

#[test]
fn a_full_line_of_a_slice_loses_nothing() {
    let w = window(Span::Nanos(SECOND));
    w.lines[shard::shard()].count.store(MOST - 1, Relaxed);
    for _ in 0..3 {
        tell(&w, 0, 0, S);
    }
    assert_eq!(w.counts(tag(0), 0).calls, MOST + 2);
}

#[test]
fn a_window_full_of_successes_is_only_read() {
    let w = window(Span::Calls(100));
    (0..1000).for_each(|_| tell(&w, 3, 0, S));
    let count = || w.lines[shard::shard()].count.load(Relaxed);
    let full = count();
    tell(&w, 3, 0, S);
    assert_eq!(count(), full);
    tell(&w, 3, 0, F);
    assert_eq!(w.counts(tag(3), 0), Counts { calls: 100, failed: 1, slow: 0 });
    (0..99).for_each(|_| tell(&w, 3, 0, S));
    assert_eq!(w.counts(tag(3), 0).failed, 1);
    tell(&w, 3, 0, S);
    assert_eq!(w.counts(tag(3), 0), Counts { calls: 100, failed: 0, slow: 0 });
}

#[test]
fn a_clock_that_goes_back_loses_nothing() {
    let w = window(Span::Nanos(10 * SECOND));
    tell(&w, 0, 5 * SECOND, S);
    tell(&w, 0, 3 * SECOND, S);
    tell(&w, 0, 3 * SECOND, F);
    assert_eq!(w.counts(tag(0), SECOND), Counts { calls: 3, failed: 1, slow: 0 });
    assert_eq!(w.counts(tag(0), 13 * SECOND).calls, 1);
}

/// A success told as the calls of a static breaker tell it.
fn succeed_now(window: &Window, now: u64) {
    window.count_now(tag(0), shard::shard(), || now);
}

proptest! {
    #[test]
    fn successes_of_a_present_clock_fall_into_the_slices_of_a_naive_list(
        steps in prop::collection::vec((0..4 * SECOND / 10, any::<bool>()), 1..200),
        slices_long in 1..3_u64,
    ) {
        let slice = slices_long * SECOND / 10;
        let w = window(Span::Nanos(10 * slice));
        let (mut now, mut list) = (0, Vec::new());
        for (passed, failed) in steps {
            now += passed;
            list.push((now / slice, failed));
            if failed { w.record(tag(0), now, F) } else { succeed_now(&w, now) }
            let inside = list.iter().filter(|(number, _)| number + 10 > now / slice);
            let failed = inside.clone().filter(|(_, failed)| *failed).count() as u64;
            let expected = Counts { calls: inside.count() as u64, failed, slow: 0 };
            // Looking writes the line to the ring: not every time.
            if failed % 3 != 1 {
                prop_assert_eq!(w.counts(tag(0), now), expected);
            }
        }
    }
}

#[test]
fn a_clock_that_is_a_tick_late_counts_in_the_slice_that_has_begun() {
    let w = window(Span::Nanos(10 * SECOND));
    let late = 5 * SECOND - 1_000_000;
    // By the precise clock the next slice has begun.
    w.record(tag(0), 5 * SECOND, F);
    succeed_now(&w, late);
    assert_eq!(w.counts(tag(0), 14 * SECOND).calls, 2);
    assert_eq!(w.counts(tag(0), 15 * SECOND).calls, 0);
    // At its end it is over, and an hour later as well.
    for (second, calls) in [(15, 2), (16, 4), (24, 6), (3600, 2)] {
        succeed_now(&w, second * SECOND);
        succeed_now(&w, second * SECOND);
        assert_eq!(w.counts(tag(0), second * SECOND).calls, calls);
    }
}

#[test]
fn threads_fill_a_window_together() {
    for span in [Span::Calls(128), Span::Nanos(SECOND)] {
        let w = window(span);
        std::thread::scope(|scope| {
            for ended in [F, S, S] {
                let w = &w;
                scope.spawn(move || (0..10_000).for_each(|_| tell(w, 0, 0, ended)));
            }
        });
        let counts = w.counts(tag(0), 0);
        match span {
            Span::Calls(_) => assert_eq!(counts.calls, 128),
            Span::Nanos(_) => assert_eq!((counts.calls, counts.failed), (30_000, 10_000)),
        }
    }
}
