//! Random histories against a naive model with a timer and a list of results.

use proptest::prelude::*;

use super::super::State::{Closed, Disabled, ForcedClosed, ForcedOpen, HalfOpen, Open};
use super::*;

#[derive(Clone, Copy, Debug)]
enum Opens {
    InARow(u32),
    Calls { window: u32, minimum: u32 },
    Slices { slice: u64, minimum: u32 },
}

const RECOVERY: u64 = 5_000;
const PROBE: u64 = 2_000;

struct Model {
    opens: Opens,
    requests: usize,
    state: State,
    period: u64,
    results: Vec<(u64, bool)>,
    until: u64,
    breaks: u32,
    /// How long the last break was, and when it closed after it.
    break_: u64,
    closed: u64,
    probes: Vec<(u64, u64)>,
    successes: usize,
    next: u64,
    log: Vec<(State, State)>,
}

impl Model {
    fn go(&mut self, to: State) {
        if self.state != to {
            self.log.push((self.state, to));
        }
        self.state = to;
        self.period += 1;
        self.results.clear();
        self.probes.clear();
        self.successes = 0;
    }

    /// A row of breaks has an end.
    fn heal(&mut self, now: u64) {
        if self.state == Closed && now - self.closed >= self.break_ {
            self.breaks = 0;
        }
    }

    /// By hand.
    fn force(&mut self, to: State, now: u64) {
        self.heal(now);
        if to != HalfOpen {
            self.breaks = 0;
        }
        self.go(to);
    }

    fn open(&mut self, now: u64) {
        self.heal(now);
        self.go(Open);
        self.break_ = (RECOVERY << self.breaks.min(3)).min(20_000);
        self.until = now + self.break_;
        self.breaks += 1;
    }

    /// The timer of the oldest probe.
    fn pass(&mut self, now: u64) {
        if let Some(&(_, expires)) = self.probes.first()
            && expires <= now
        {
            self.open(expires);
        }
    }

    fn acquire(&mut self, now: u64) -> Option<(u64, Option<u64>)> {
        self.pass(now);
        if self.state == Open && now >= self.until {
            self.go(HalfOpen);
        }
        match self.state {
            Open | ForcedOpen => None,
            HalfOpen if self.probes.len() + self.successes >= self.requests => None,
            HalfOpen => {
                self.next += 1;
                self.probes.push((self.next, now + PROBE));
                Some((self.period, Some(self.next)))
            }
            _ => Some((self.period, None)),
        }
    }

    fn end(&mut self, permit: (u64, Option<u64>), now: u64, failed: Option<bool>) {
        let (period, probe) = permit;
        if probe.is_some() && failed.is_some() {
            self.pass(now);
        }
        if period != self.period {
            return;
        }
        if let Some(probe) = probe {
            self.probes.retain(|(number, _)| *number != probe);
            match failed {
                Some(true) => self.open(now),
                Some(false) => {
                    self.successes += 1;
                    if self.successes >= self.requests {
                        self.go(Closed);
                        self.closed = now;
                    }
                }
                None => {}
            }
        } else if let Some(failed) = failed
            && self.state != Disabled
        {
            self.results.push((now, failed));
            if failed && self.state == Closed && self.too_many(now) {
                self.open(now);
            }
        }
    }

    fn window(&self, now: u64) -> Vec<bool> {
        let results = &self.results;
        match self.opens {
            Opens::InARow(_) => Vec::new(),
            Opens::Calls { window, .. } => results[results.len().saturating_sub(window as usize)..]
                .iter()
                .map(|r| r.1)
                .collect(),
            Opens::Slices { slice, .. } => {
                let inside = |at: u64| at / slice + 10 > now / slice;
                results.iter().filter(|r| inside(r.0)).map(|r| r.1).collect()
            }
        }
    }

    fn too_many(&self, now: u64) -> bool {
        let window = self.window(now);
        let failed = window.iter().filter(|failed| **failed).count();
        match self.opens {
            Opens::InARow(n) => {
                let n = n as usize;
                self.results.len() >= n && self.results.iter().rev().take(n).all(|r| r.1)
            }
            Opens::Calls { minimum, .. } | Opens::Slices { minimum, .. } => {
                window.len() >= minimum as usize && failed * 10 >= window.len() * 6
            }
        }
    }
}

/// One step of a history.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Milliseconds.
    Wait(u64),
    Force(State),
    /// With a random number for the jitter.
    Acquire(u64),
    /// One of the calls under way ends; `None` is ignored.
    End(usize, Option<bool>),
    /// One of them is given up by its caller.
    GiveUp(usize),
}

/// What is the same throughout a history.
#[derive(Clone, Copy, Debug)]
struct Setting {
    opens: Opens,
    requests: u32,
    /// Milliseconds.
    slow: Option<u64>,
    begin: u64,
}

fn breaker_of(setting: Setting) -> CircuitBreaker {
    let b = new()
        .recovery_timeout(Duration::from_millis(RECOVERY))
        .recovery_factor(2.0)
        .max_recovery_timeout(secs(20))
        .probe_timeout(Duration::from_millis(PROBE))
        .half_open_requests(setting.requests);
    let b = match setting.slow {
        Some(slow) => b.slow_call(Duration::from_millis(slow)),
        None => b,
    };
    match setting.opens {
        Opens::InARow(n) => b.failure_threshold(n),
        Opens::Calls { window, minimum } => {
            b.failure_rate(0.6).minimum_calls(minimum).window(window)
        }
        Opens::Slices { slice, minimum } => b
            .failure_rate(0.6)
            .minimum_calls(minimum)
            .window_duration(Duration::from_millis(slice * 10)),
    }
}

/// Runs both side by side; the first difference panics.
fn history(setting: Setting, steps: impl IntoIterator<Item = Step>) {
    let b = breaker_of(setting);
    let log = recorded(&b);
    let mut model = Model {
        opens: setting.opens,
        requests: setting.requests as usize,
        state: Closed,
        period: 0,
        results: Vec::new(),
        until: 0,
        breaks: 0,
        break_: 0,
        closed: 0,
        probes: Vec::new(),
        successes: 0,
        next: 0,
        log: Vec::new(),
    };
    let mut now = setting.begin;
    let mut out = Vec::new();
    let late = |started: u64, now: u64| setting.slow.is_some_and(|slow| now - started > slow);
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Wait(millis) => now += millis,
            Step::Force(to) => {
                b.force_state_at(to, ms(now));
                model.force(to, now);
            }
            Step::Acquire(random) => {
                let real = b.try_acquire_at(ms(now), random);
                let expected = model.acquire(now);
                assert_eq!(real.is_ok(), expected.is_some(), "step {at}");
                match real {
                    Ok(permit) => out.push((permit, expected.unwrap(), now)),
                    Err(open) if model.state == Open => {
                        let left = Duration::from_millis(model.until - now);
                        assert_eq!(open.retry_after, Some(left), "step {at}");
                    }
                    Err(_) => {}
                }
            }
            Step::End(..) | Step::GiveUp(_) if out.is_empty() => {}
            Step::End(which, failed) => {
                let (permit, expected, started) = out.swap_remove(which % out.len());
                let slow = late(started, now);
                model.end(expected, now, failed.map(|failed| failed || slow));
                match failed {
                    Some(true) => permit.failure_at(ms(now)),
                    Some(false) => permit.success_at(ms(now)),
                    None => permit.ignore(),
                }
            }
            Step::GiveUp(which) => {
                let (permit, expected, started) = out.swap_remove(which % out.len());
                model.end(expected, now, late(started, now).then_some(true));
                permit.abandon_at(ms(now));
            }
        }
        let s = b.snapshot_at(ms(now));
        assert_eq!(s.state, model.state, "step {at}");
        let healed = model.state == Closed && now - model.closed >= model.break_;
        assert_eq!(s.breaks, if healed { 0 } else { model.breaks }, "step {at}");
        let live = model.probes.iter().filter(|p| p.1 > now).count();
        assert_eq!(s.probes, live, "step {at}");
        assert!(live <= model.requests);
        let window = model.window(now);
        let failed = window.iter().filter(|failed| **failed).count();
        assert_eq!((s.calls, s.failed), (window.len() as u64, failed as u64), "step {at}");
    }
    assert_eq!(*log.lock().unwrap(), model.log);
}

fn any_step() -> impl Strategy<Value = Step> {
    let states =
        prop::sample::select(vec![Closed, Closed, ForcedClosed, Disabled, ForcedOpen, HalfOpen]);
    prop_oneof![
        20 => (0..400_u64).prop_map(Step::Wait),
        3 => (0..6_000_u64).prop_map(Step::Wait),
        1 => (0..100_000_000_u64).prop_map(Step::Wait),
        1 => states.prop_map(Step::Force),
        37 => any::<u64>().prop_map(Step::Acquire),
        30 => any::<usize>().prop_map(|which| Step::End(which, Some(true))),
        14 => any::<usize>().prop_map(|which| Step::End(which, Some(false))),
        2 => any::<usize>().prop_map(|which| Step::End(which, None)),
        4 => any::<usize>().prop_map(Step::GiveUp),
    ]
}

fn any_setting() -> impl Strategy<Value = Setting> {
    let calls = (1..38_u32).prop_flat_map(|window| (Just(window), 1..=window));
    let opens = prop_oneof![
        (1..6_u32).prop_map(Opens::InARow),
        calls.prop_map(|(window, minimum)| Opens::Calls { window, minimum }),
        (10..310_u64, 1..8_u32).prop_map(|(slice, minimum)| Opens::Slices { slice, minimum }),
    ];
    (opens, 1..4_u32, prop::option::of(50..3_000_u64), 0..10_000_u64)
        .prop_map(|(opens, requests, slow, begin)| Setting { opens, requests, slow, begin })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn f19_any_history_equals_the_naive_model(
        setting in any_setting(),
        steps in prop::collection::vec(any_step(), 1..300),
    ) {
        history(setting, steps);
    }
}
