//! What a result does: nothing, a place in the window, a failure more in a row, the step to open.

use super::CircuitBreaker;
use super::permit::Leave;
use super::settings::OnSuccess;
use super::state::State;
use super::sync::Ordering::{AcqRel, Acquire};
use super::window::Ended;
use super::word::{Tag, Word};
use crate::drivers::clock;
use crate::shard;

impl CircuitBreaker {
    #[inline]
    pub(super) fn is_slow(&self, started: u64, now: u64) -> bool {
        now.saturating_sub(started) > self.settings.slow_call
    }

    /// Whether a success of this period has nothing to tell.
    #[inline]
    pub(super) fn is_healthy(&self, leave: Leave) -> bool {
        self.settings.plain && leave.tag.is_untouched(self.word())
    }

    /// A success of a breaker that was healthy when the call began, where it is counted and never
    /// [looked at](OnSuccess::Look).
    ///
    /// The word needs no second look: failures in a row open no such breaker, so it only changes with
    /// the period, and what is counted for a period that is over counts for nothing.
    #[inline(never)]
    pub(super) fn succeeded_in_window(&self, tag: Tag, slot: usize) {
        if self.settings.on_success == OnSuccess::Count {
            self.window.count(tag, slot);
        } else {
            self.succeeded_in_time(tag, slot);
        }
    }

    #[inline(never)]
    fn succeeded_in_time(&self, tag: Tag, slot: usize) {
        self.window.count_now(tag, slot, || clock::coarse().as_nanos());
    }

    /// A success of a breaker that was healthy when the call began and where something has happened
    /// meanwhile.
    #[cold]
    #[inline(never)]
    pub(super) fn succeeded_late(&self, tag: Tag) {
        self.succeeded_now(Leave::new(tag, 0));
    }

    #[inline(never)]
    pub(super) fn succeeded_now(&self, leave: Leave) {
        self.succeeded(leave, self.time(leave).as_nanos());
    }

    #[cold]
    #[inline(never)]
    pub(super) fn failed_now(&self, leave: Leave) {
        self.ended(leave, clock::now().as_nanos(), true, false);
    }

    /// A success. The usual one of a closed breaker goes into the window and touches nothing else.
    pub(super) fn succeeded(&self, leave: Leave, now: u64) {
        let tag = leave.tag;
        let healthy = tag.is_closed() && tag.is_untouched(self.word());
        if healthy && !self.is_slow(leave.started, now) {
            match self.settings.on_success {
                OnSuccess::Nothing => return,
                OnSuccess::Count => return self.window.count(tag, shard::shard()),
                OnSuccess::CountInTime => return self.window.count_at(tag, shard::shard(), now),
                OnSuccess::Look => {}
            }
        }
        self.ended(leave, now, false, false);
    }

    /// A result, wherever it is not nothing. `slow` is so whatever the clock says.
    #[cold]
    #[inline(never)]
    pub(super) fn ended(&self, leave: Leave, now: u64, failed: bool, slow: bool) {
        let slow = slow || self.is_slow(leave.started, now);
        let settings = &self.settings;
        let tag = leave.tag;
        if tag.is_probe() {
            self.probe_ended(tag, leave.probe, now, failed || slow);
            return;
        }
        let word = self.word();
        if !tag.is_current(word) || tag.state() == State::Disabled {
            return;
        }
        let failed = failed || (slow && settings.slow_rate <= 0.0);
        if settings.windowed {
            self.window.record(tag, now, Ended { failed, slow });
        }
        let bad = failed || slow;
        if tag.state() == State::Closed && (bad || settings.trip_on_success || word.failures() > 0)
        {
            self.count(tag, now, failed, slow);
        }
    }

    /// Counts consecutive failures, looks at the rates, opens.
    #[cold]
    #[inline(never)]
    fn count(&self, tag: Tag, now: u64, failed: bool, slow: bool) {
        let settings = self.settings;
        if settings.failure_threshold > 0 && !self.count_in_a_row(tag, failed) {
            // The last step is made under the lock, where a success in between still counts.
            let last = settings.failure_threshold - 1;
            self.trip(tag, now, |word| word.failures() >= last);
        }
        if settings.windowed && (failed || slow || settings.trip_on_success) {
            let failed = (failed || settings.trip_on_success) && settings.failure_rate > 0.0;
            let slow = (slow || settings.trip_on_success) && settings.slow_rate > 0.0;
            let too_many = |_| {
                let counts = self.window.counts(tag, now);
                counts.calls >= settings.minimum_calls()
                    && (failed && counts.failure_rate() >= settings.failure_rate
                        || slow && counts.slow_rate() >= settings.slow_rate)
            };
            if too_many(self.word()) {
                self.trip(tag, now, too_many);
            }
        }
    }

    /// Counts up or back to zero; `false` where this failure is the last one needed.
    fn count_in_a_row(&self, tag: Tag, failed: bool) -> bool {
        let mut word = self.word();
        loop {
            let failures = if failed { word.failures() + 1 } else { 0 };
            if !tag.is_current(word) || failures == word.failures() {
                return true;
            }
            if failures >= self.settings.failure_threshold {
                return false;
            }
            let next = word.with_failures(failures).0;
            match self.word.compare_exchange_weak(word.0, next, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(newer) => word = Word(newer),
            }
        }
    }
}
