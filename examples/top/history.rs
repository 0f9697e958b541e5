//! From counts to rates: what changed since the snapshots before.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::feed::{Operation, Snapshot};

/// Rates are taken over this long, so that they do not jump with every call.
const WINDOW: Duration = Duration::from_secs(3);
/// Columns of a sparkline.
const POINTS: usize = 120;

/// What callers see fail in spite of retries.
pub(crate) const GIVEN_UP: [&str; 5] = ["exhausted", "deadline", "budget", "hint", "circuit_open"];

/// The snapshots of the last seconds.
#[derive(Default)]
pub(crate) struct History {
    began: Option<Instant>,
    recent: VecDeque<(Instant, Snapshot)>,
    /// Calls a second of all operations, and retries a second, one for each snapshot.
    pub(crate) calls: VecDeque<u64>,
    pub(crate) retries: VecDeque<u64>,
    /// Why there was no snapshot the last time.
    pub(crate) lost: Option<String>,
}

/// What an operation does at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) calls: f64,
    pub(crate) attempts: f64,
    pub(crate) healed: f64,
    pub(crate) given_up: f64,
}

impl Rates {
    /// Retries a call.
    pub(crate) fn retry_rate(self) -> f64 {
        if self.calls > 0.0 { (self.attempts - self.calls).max(0.0) / self.calls } else { 0.0 }
    }

    /// Attempts a call.
    pub(crate) fn load(self) -> f64 {
        if self.calls > 0.0 { self.attempts / self.calls } else { 1.0 }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.attempts += other.attempts;
        self.healed += other.healed;
        self.given_up += other.given_up;
    }
}

impl History {
    pub(crate) fn push(&mut self, now: Instant, snapshot: Snapshot) {
        self.lost = None;
        self.began.get_or_insert(now);
        while self.recent.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.recent.pop_front();
        }
        self.recent.push_back((now, snapshot));
        let all = self.all();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are positive and far below 2^64"
        )]
        let point = |rate: f64| (rate * 10.0) as u64;
        for (line, rate) in
            [(&mut self.calls, all.calls), (&mut self.retries, (all.attempts - all.calls).max(0.0))]
        {
            line.push_back(point(rate));
            if line.len() > POINTS {
                line.pop_front();
            }
        }
    }

    pub(crate) fn lost(&mut self, why: String) {
        self.lost = Some(why);
    }

    pub(crate) fn latest(&self) -> Option<&Snapshot> {
        self.recent.back().map(|(_, snapshot)| snapshot)
    }

    /// For how long the process has been watched.
    pub(crate) fn watched(&self) -> Duration {
        let latest = self.recent.back().map(|(at, _)| *at);
        self.began.zip(latest).map_or(Duration::ZERO, |(began, latest)| latest - began)
    }

    /// What each operation of the latest snapshot does, in its order.
    pub(crate) fn rates(&self) -> Vec<Rates> {
        let (Some((then, before)), Some((now, latest))) = (self.recent.front(), self.recent.back())
        else {
            return Vec::new();
        };
        let seconds = now.duration_since(*then).as_secs_f64();
        let before: HashMap<_, _> =
            before.operations.iter().map(|operation| (operation.key(), operation)).collect();
        let rate = |operation: &Operation| {
            if seconds <= 0.0 {
                return Rates::default();
            }
            let before = before.get(&operation.key());
            let since = |count: fn(&Operation) -> u64| {
                // A process that was started anew counts from zero.
                let gone =
                    count(operation).saturating_sub(before.map_or(0, |before| count(before)));
                gone as f64 / seconds
            };
            Rates {
                calls: since(|operation| operation.calls),
                attempts: since(|operation| operation.attempts),
                healed: since(|operation| operation.ended(&["ok_retried"])),
                given_up: since(|operation| operation.ended(&GIVEN_UP)),
            }
        };
        latest.operations.iter().map(rate).collect()
    }

    /// All operations together.
    pub(crate) fn all(&self) -> Rates {
        let mut all = Rates::default();
        self.rates().into_iter().for_each(|rates| all.add(rates));
        all
    }
}
