//! Transitions and half-open: the slow paths, under a short lock.
//!
//! The lock guards what a transition changes beside the word, and no user code runs under it. The
//! word alone is also changed without it, by the failures of a closed breaker; whoever holds the
//! lock therefore moves it by compare-and-set.

use std::sync::PoisonError;
use std::time::Duration;

use super::events::Transition;
use super::permit::Leave;
use super::settings::Settings;
use super::state::State;
use super::sync::{
    MutexGuard,
    Ordering::{Acquire, Release},
};
use super::word::{Tag, Word};
use super::{CircuitBreaker, CircuitOpen};
use crate::time::Timestamp;

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Control {
    /// The latest moment seen here: a clock that goes back stands still.
    latest: u64,
    /// When the present break began, while nobody drew its jitter.
    opened: Option<u64>,
    /// Breaks in a row, the present one included, as of the last transition.
    breaks: u32,
    /// When probes last closed it.
    closed: u64,
    /// Successes of this half-open period.
    successes: u32,
    /// Unexpired probes, the oldest first: number and moment of expiry. Never more than
    /// `half_open_requests`. Callers with limits of different length share the breaker, so the
    /// first is not always the first to expire.
    pub(super) probes: Vec<(u64, u64)>,
    next_probe: u64,
}

impl Control {
    pub(super) const fn new() -> Self {
        Self {
            latest: 0,
            opened: None,
            breaks: 0,
            closed: 0,
            successes: 0,
            probes: Vec::new(),
            next_probe: 0,
        }
    }

    /// The present: the latest of all moments seen.
    fn at(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// When the present break began, while its end is not known.
    pub(super) fn unsettled(&self) -> Option<u64> {
        self.opened
    }

    /// Breaks in a row. One that was closed for as long as its last break lasted has none: a few
    /// probes that succeed do not say that the full load will.
    pub(super) fn breaks(&self, state: State, now: u64, settings: &Settings) -> u32 {
        let healed = || {
            let last = settings.recovery_after(self.breaks.saturating_sub(1));
            now.saturating_sub(self.closed) >= last
        };
        if state == State::Closed && healed() { 0 } else { self.breaks }
    }

    fn first_expiry(&self) -> Option<u64> {
        self.probes.iter().map(|(_, expires)| *expires).min()
    }

    fn take_probe(&mut self, probe: u64) -> bool {
        let found = self.probes.binary_search_by_key(&probe, |(number, _)| *number);
        found.map(|index| self.probes.remove(index)).is_ok()
    }
}

/// `until` while the jitter of the break is not drawn, and outside of breaks.
const UNSETTLED: u64 = 0;

impl CircuitBreaker {
    pub(super) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves from `from` to `to`, unless the word has left the period of `from`.
    fn transition(&self, control: &mut Control, from: Tag, to: State, now: u64) -> bool {
        let mut word = self.word();
        if from.is_current(word) && word.is_open() {
            // Before the word says that it is over: whoever reads that finds no end of a break.
            self.until.store(UNSETTLED, Release);
        }
        loop {
            if !from.is_current(word) {
                return false;
            }
            match self.word.compare_exchange(word.0, word.next(to).0, Release, Acquire) {
                Ok(_) => break,
                Err(newer) => word = Word(newer),
            }
        }
        control.probes.clear();
        control.successes = 0;
        // Reset while closed begins a new period, which is no transition.
        if word.state() != to {
            self.events.push(Transition {
                name: self.name,
                key: self.key.clone(),
                from: word.state(),
                to,
                at: Timestamp::from_nanos(now),
                generation: word.next(to).generation(),
            });
        }
        true
    }

    /// Opens, if the period of `from` still lasts. The break's jitter is drawn by the first call.
    fn open(&self, control: &mut Control, from: Tag, now: u64) {
        // Before the word says open: whoever reads that finds no end of an earlier break.
        let before = self.until.load(Acquire);
        self.until.store(UNSETTLED, Release);
        if !self.transition(control, from, State::Open, now) {
            self.until.store(before, Release);
            return;
        }
        control.opened = Some(now);
        control.breaks = control.breaks(from.state(), now, &self.settings).saturating_add(1);
        if self.settings.jitter <= 0.0 {
            self.settle(control, 0);
        }
    }

    fn settle(&self, control: &mut Control, random: u64) {
        if let Some(opened) = control.opened.take() {
            let break_ = self.settings.recovery_after(control.breaks.saturating_sub(1));
            let until = opened.saturating_add(self.settings.jittered(break_, random));
            self.until.store(until.max(UNSETTLED + 1), Release);
        }
    }

    /// A probe that never answered is a failure of the moment when it expired.
    fn expire(&self, control: &mut Control, now: u64) {
        let word = self.word();
        if word.state() == State::HalfOpen
            && let Some(expires) = control.first_expiry()
            && expires <= now
        {
            self.open(control, word.tag(), expires);
        }
    }

    /// Admission where the word alone does not tell.
    #[cold]
    #[inline(never)]
    pub(super) fn admit_slowly(
        &self,
        now: u64,
        limit: u64,
        random: u64,
    ) -> Result<Leave, CircuitOpen> {
        let mut control = self.control();
        let before = self.word();
        let now = control.at(now);
        let admitted = self.admit(&mut control, now, limit, random);
        let changed = before.generation() != self.word().generation();
        drop(control);
        if changed {
            self.events.tell();
        }
        admitted.map_err(|retry_after| self.rejected(retry_after))
    }

    fn admit(
        &self,
        control: &mut Control,
        now: u64,
        limit: u64,
        random: u64,
    ) -> Result<Leave, Option<Duration>> {
        self.expire(control, now);
        // At most open → half-open → probe, so no jump of the clock costs more than this.
        loop {
            let word = self.word();
            match word.state() {
                State::Closed | State::ForcedClosed | State::Disabled => {
                    return Ok(Leave::new(word.tag(), now));
                }
                State::ForcedOpen => return Err(None),
                State::Open => {
                    self.settle(control, random);
                    let until = self.until.load(Acquire);
                    if now < until {
                        return Err(Some(Duration::from_nanos(until - now)));
                    }
                    self.transition(control, word.tag(), State::HalfOpen, now);
                }
                State::HalfOpen => {
                    // Only as many as are still needed: one more would be a risk without a use.
                    let used = control.probes.len() + control.successes as usize;
                    if used < self.settings.half_open as usize {
                        let number = control.next_probe;
                        control.next_probe += 1;
                        let expires = now.saturating_add(self.settings.probe_timeout(limit));
                        control.probes.push((number, expires));
                        return Ok(Leave { tag: word.tag().probe(), probe: number, started: now });
                    }
                    let first = control.first_expiry().unwrap_or(now);
                    return Err(Some(Duration::from_nanos(first.saturating_sub(now))));
                }
            }
        }
    }

    /// The result of a probe. One that expired or belongs to an earlier period changes nothing.
    #[cold]
    #[inline(never)]
    pub(super) fn probe_ended(&self, tag: Tag, probe: u64, now: u64, failed: bool) {
        let mut control = self.control();
        let before = self.word();
        let now = control.at(now);
        self.expire(&mut control, now);
        if tag.is_current(self.word()) && control.take_probe(probe) {
            if failed {
                self.open(&mut control, tag, now);
            } else {
                control.successes += 1;
                if control.successes >= self.settings.half_open
                    && self.transition(&mut control, tag, State::Closed, now)
                {
                    control.closed = now;
                }
            }
        }
        let changed = before.generation() != self.word().generation();
        drop(control);
        if changed {
            self.events.tell();
        }
    }

    /// How long the circuit stays open, if it is: what a retry asks before it sleeps.
    #[cold]
    #[inline(never)]
    pub(super) fn rest_of_break(&self, now: u64, random: u64) -> Option<Duration> {
        let mut control = self.control();
        let before = self.word();
        let now = control.at(now);
        self.expire(&mut control, now);
        let word = self.word();
        let rest = match word.state() {
            State::Open => {
                self.settle(&mut control, random);
                let left = self.until.load(Acquire).saturating_sub(now);
                (left > 0).then(|| Duration::from_nanos(left))
            }
            State::ForcedOpen => Some(Duration::MAX),
            _ => None,
        };
        let changed = before.generation() != word.generation();
        drop(control);
        if changed {
            self.events.tell();
        }
        rest
    }

    /// Whether nothing is lost with it: closed without a break to remember, or its break has been over for as long as a break
    /// can last and nobody came.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        match self.word().state() {
            State::Closed => self.control().breaks(State::Closed, now, &self.settings) == 0,
            State::Open | State::HalfOpen => {
                let control = self.control();
                let last = control.latest.max(self.until.load(Acquire));
                now >= last.saturating_add(self.settings.longest_break().saturating_mul(2))
            }
            State::ForcedClosed | State::ForcedOpen | State::Disabled => false,
        }
    }

    /// Gives a probe's permit back uncounted.
    #[cold]
    pub(super) fn probe_dropped(&self, tag: Tag, probe: u64) {
        let mut control = self.control();
        if tag.is_current(self.word()) {
            control.take_probe(probe);
        }
    }

    /// Opens a closed breaker if `reason` still holds under the lock.
    #[cold]
    #[inline(never)]
    pub(super) fn trip(&self, tag: Tag, now: u64, reason: impl Fn(Word) -> bool) {
        let mut control = self.control();
        let word = self.word();
        let generation = word.generation();
        if tag.is_current(word) && reason(word) {
            let now = control.at(now);
            self.open(&mut control, tag, now);
        }
        let changed = generation != self.word().generation();
        drop(control);
        if changed {
            self.events.tell();
        }
    }

    pub(super) fn force(&self, to: State, now: u64) {
        let mut control = self.control();
        let now = control.at(now);
        control.opened = None;
        control.breaks = match to {
            State::HalfOpen => control.breaks(self.word().state(), now, &self.settings),
            // Who goes there by hand knows better than what was counted.
            _ => 0,
        };
        // Only failures can meet this, and they leave the period as it is.
        self.transition(&mut control, self.word().tag(), to, now);
        drop(control);
        self.events.tell();
    }
}
