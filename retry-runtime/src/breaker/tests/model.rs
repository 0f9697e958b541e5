//! Random histories against a naive model with a timer and a list of results.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

use super::super::State::{Closed, Disabled, ForcedClosed, ForcedOpen, HalfOpen, Open};
use super::*;

#[derive(Clone, Copy)]
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
        if !matches!(to, Open | HalfOpen) {
            self.breaks = 0;
        }
    }

    fn open(&mut self, now: u64) {
        self.go(Open);
        self.until = now + (RECOVERY << self.breaks.min(3)).min(20_000);
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

fn history(seed: u64, opens: Opens) {
    let mut random = SmallRng::seed_from_u64(seed);
    let requests = random.random_range(1..4);
    let b = new()
        .recovery_timeout(Duration::from_millis(RECOVERY))
        .recovery_factor(2.0)
        .max_recovery_timeout(secs(20))
        .probe_timeout(Duration::from_millis(PROBE))
        .half_open_requests(requests);
    let b = match opens {
        Opens::InARow(n) => b.failure_threshold(n),
        Opens::Calls { window, minimum } => {
            b.failure_rate(0.6).minimum_calls(minimum).window(window)
        }
        Opens::Slices { slice, minimum } => b
            .failure_rate(0.6)
            .minimum_calls(minimum)
            .window_duration(Duration::from_millis(slice * 10)),
    };
    let log = recorded(&b);
    let mut model = Model {
        opens,
        requests: requests as usize,
        state: Closed,
        period: 0,
        results: Vec::new(),
        until: 0,
        breaks: 0,
        probes: Vec::new(),
        successes: 0,
        next: 0,
        log: Vec::new(),
    };
    let mut now = random.random_range(0..10_000);
    let mut out = Vec::new();
    for step in 0..400 {
        match random.random_range(0..100) {
            0..20 => now += random.random_range(0..400),
            20..23 => now += random.random_range(0..6_000),
            23 => now += random.random_range(0..100_000_000),
            24 => {
                let to = [Closed, Closed, ForcedClosed, Disabled, ForcedOpen, HalfOpen];
                let to = to[random.random_range(0..to.len())];
                b.force_state_at(to, ms(now));
                model.go(to);
            }
            25..62 => {
                let real = b.try_acquire_at(ms(now), random.next_u64());
                let expected = model.acquire(now);
                assert_eq!(real.is_ok(), expected.is_some(), "seed {seed}, step {step}");
                match real {
                    Ok(permit) => out.push((permit, expected.unwrap())),
                    Err(open) if model.state == Open => {
                        let left = Duration::from_millis(model.until - now);
                        assert_eq!(open.retry_after, Some(left), "seed {seed}, step {step}");
                    }
                    Err(_) => {}
                }
            }
            _ if out.is_empty() => {}
            result => {
                let (permit, expected) = out.swap_remove(random.random_range(0..out.len()));
                let failed = (result < 96).then_some(result < 82);
                model.end(expected, now, failed);
                match failed {
                    Some(true) => permit.failure_at(ms(now)),
                    Some(false) => permit.success_at(ms(now)),
                    None => drop(permit),
                }
            }
        }
        let s = b.snapshot_at(ms(now));
        assert_eq!(s.state, model.state, "seed {seed}, step {step}");
        let live = model.probes.iter().filter(|p| p.1 > now).count();
        assert_eq!(s.probes, live, "seed {seed}, step {step}");
        let window = model.window(now);
        let failed = window.iter().filter(|failed| **failed).count();
        assert_eq!(
            (s.calls, s.failed),
            (window.len() as u64, failed as u64),
            "seed {seed}, {step}"
        );
    }
    assert_eq!(*log.lock().unwrap(), model.log, "seed {seed}");
}

#[test]
fn random_histories_equal_the_naive_model() {
    for seed in 0..700_u32 {
        history(seed.into(), Opens::InARow(1 + seed % 5));
        let window = 1 + seed % 37;
        history(seed.into(), Opens::Calls { window, minimum: 1 + seed % window });
        let slice = 10 + u64::from(seed) % 300;
        history(seed.into(), Opens::Slices { slice, minimum: 1 + seed % 7 });
    }
}
