//! The settings of a breaker, and what follows from them.

use std::time::Duration;

use crate::time::nanos;

/// Consecutive failures that open a breaker: more than a blip, soon enough to spare the other side.
const FAILURE_THRESHOLD: u32 = 5;
/// A break: about what a restart or a fail-over takes.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);
/// A break is lengthened by up to this share, so that a fleet does not probe at once.
const RECOVERY_JITTER: f64 = 0.1;
/// Repeated breaks grow to at most this many times the first, unless a cap is given.
const LONGEST_BREAK: u64 = 10;
/// Calls of a window that nobody sized.
const WINDOW: u32 = 100;
/// Calls before a share says anything, unless given.
const MINIMUM_CALLS: u32 = 10;

/// What the window covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    Calls(u32),
    Nanos(u64),
}

/// What the success of a healthy breaker has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnSuccess {
    Nothing,
    /// Into a window of calls.
    Count,
    /// Into a window of time.
    CountInTime,
    /// Into a window, and then look whether that opens it.
    Look,
}

/// What was said rather than defaulted, so that the order of the builder's calls does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) threshold: bool,
    pub(super) window: bool,
    pub(super) recovery: bool,
}

/// No call is slower than this: the option is off.
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    /// Consecutive failures that open; 0 where a share of failures does.
    pub(super) failure_threshold: u32,
    pub(super) given: Given,
    /// 0 is off, for both shares.
    pub(super) failure_rate: f64,
    pub(super) slow_rate: f64,
    pub(super) slow_call: u64,
    pub(super) span: Span,
    pub(super) minimum_calls: u32,
    pub(super) recovery: u64,
    pub(super) factor: f64,
    /// 0 is the default.
    pub(super) max_recovery: u64,
    pub(super) jitter: f64,
    pub(super) half_open: u32,
    /// 0 is the default.
    pub(super) probe_timeout: u64,
    pub(super) trip_on_success: bool,
    /// Neither a window nor slow calls: a success has nothing to tell, and no clock is read.
    pub(super) plain: bool,
    /// What the success of a healthy breaker has to do, where the length of a call does not matter.
    pub(super) on_success: OnSuccess,
    /// Whether there is a window.
    pub(super) windowed: bool,
}

impl Settings {
    pub(super) const fn new() -> Self {
        Self {
            failure_threshold: FAILURE_THRESHOLD,
            given: Given { threshold: false, window: false, recovery: false },
            failure_rate: 0.0,
            slow_rate: 0.0,
            slow_call: NEVER,
            span: Span::Calls(WINDOW),
            minimum_calls: 0,
            recovery: nanos(RECOVERY_TIMEOUT),
            factor: 1.0,
            max_recovery: 0,
            jitter: RECOVERY_JITTER,
            half_open: 1,
            probe_timeout: 0,
            trip_on_success: false,
            plain: true,
            on_success: OnSuccess::Nothing,
            windowed: false,
        }
    }

    /// Whether two breakers behave alike, whatever was said and what defaulted.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        Self { given: other.given, ..*self } == *other
    }

    /// Whether results have to come with the time.
    #[inline]
    pub(super) const fn needs_clock(&self) -> bool {
        self.slow_call != NEVER || (self.windowed && matches!(self.span, Span::Nanos(_)))
    }

    pub(super) const fn minimum_calls(&self) -> u64 {
        let least = if self.minimum_calls == 0 { MINIMUM_CALLS } else { self.minimum_calls };
        match self.span {
            Span::Calls(calls) if calls < least => calls as u64,
            _ => least as u64,
        }
    }

    /// `limit` is the longest that the caller lets a call run; 0 is no limit.
    pub(super) const fn probe_timeout(&self, limit: u64) -> u64 {
        match self.probe_timeout {
            0 if limit > self.recovery => limit,
            0 => self.recovery,
            given => given,
        }
    }

    /// Whether a call needs no more than a look when it begins, and at most a count when it ends.
    pub(super) const fn is_quick(&self) -> bool {
        !self.measures() && !matches!(self.on_success, OnSuccess::Look)
    }

    /// Whether the length of a call matters.
    #[inline]
    pub(super) const fn measures(&self) -> bool {
        self.slow_call != NEVER
    }

    /// No break is longer, jitter apart.
    pub(super) const fn longest_break(&self) -> u64 {
        match self.max_recovery {
            _ if self.factor <= 1.0 => self.recovery,
            0 => self.recovery.saturating_mul(LONGEST_BREAK),
            given => given,
        }
    }

    /// The break that follows `before` others in a row, without jitter.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number; beyond the range the cast saturates"
    )]
    pub(super) fn recovery_after(&self, before: u32) -> u64 {
        if before == 0 || self.factor <= 1.0 {
            return self.recovery;
        }
        let most = self.longest_break();
        let power = i32::try_from(before).unwrap_or(i32::MAX);
        ((self.recovery as f64 * self.factor.powi(power)) as u64).min(most).max(self.recovery)
    }

    /// `break_` lengthened by the share of the jitter that `random` picks.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number; beyond the range the cast saturates"
    )]
    pub(super) fn jittered(&self, break_: u64, random: u64) -> u64 {
        let share = random as f64 / u64::MAX as f64 * self.jitter;
        break_.saturating_add((break_ as f64 * share) as u64)
    }

    pub(super) const fn check(mut self) -> Self {
        assert!(
            !(self.given.threshold && self.failure_rate > 0.0),
            "`failure_threshold` and `failure_rate` exclude each other: keep one of them"
        );
        if self.failure_rate > 0.0 {
            self.failure_threshold = 0;
        }
        if let Span::Calls(calls) = self.span {
            assert!(
                !self.given.window || self.minimum_calls <= calls,
                "`minimum_calls` is larger than the `window`, so the breaker could never open: \
                 lower it"
            );
        }
        assert!(
            self.max_recovery == 0 || !self.given.recovery || self.max_recovery >= self.recovery,
            "`max_recovery_timeout` is shorter than `recovery_timeout`: raise it"
        );
        self.windowed = self.failure_rate > 0.0 || self.slow_rate > 0.0;
        self.plain = !self.windowed && self.slow_call == NEVER;
        self.on_success = match self.span {
            _ if self.trip_on_success => OnSuccess::Look,
            _ if !self.windowed => OnSuccess::Nothing,
            Span::Calls(_) => OnSuccess::Count,
            Span::Nanos(_) => OnSuccess::CountInTime,
        };
        self
    }
}
