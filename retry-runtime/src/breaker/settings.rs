//! The settings of a breaker and their builder: everything wrong is refused in const evaluation.

use std::time::Duration;

use super::CircuitBreaker;
use super::word::MOST_FAILURES;
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
/// The largest window: a failure looks at all of it.
const MOST_CALLS: u32 = 10_000;
/// The shortest window of time; its tenths have to mean something.
const SHORTEST_WINDOW: u64 = 100_000_000;

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
struct Given {
    threshold: bool,
    window: bool,
    recovery: bool,
}

/// No call is slower than this: the option is off.
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    /// Consecutive failures that open; 0 where a share of failures does.
    pub(super) failure_threshold: u32,
    given: Given,
    /// 0 is off, for both shares.
    pub(super) failure_rate: f64,
    pub(super) slow_rate: f64,
    pub(super) slow_call: u64,
    pub(super) span: Span,
    minimum_calls: u32,
    pub(super) recovery: u64,
    pub(super) factor: f64,
    /// 0 is the default.
    max_recovery: u64,
    pub(super) jitter: f64,
    pub(super) half_open: u32,
    /// 0 is the default.
    probe_timeout: u64,
    pub(super) trip_on_success: bool,
    /// Neither a window nor slow calls: a success has nothing to tell, and no clock is read.
    pub(super) plain: bool,
    /// What the success of a healthy breaker has to do, where the length of a call does not matter.
    pub(super) on_success: OnSuccess,
    /// Whether the window is one of time.
    timed: bool,
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
            timed: false,
        }
    }

    /// Whether two breakers behave alike, whatever was said and what defaulted.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        Self { given: other.given, ..*self } == *other
    }

    /// Whether results have to come with the time.
    #[inline]
    pub(super) const fn needs_clock(&self) -> bool {
        self.slow_call != NEVER || self.timed
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

    const fn check(mut self) -> Self {
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
        self.timed = self.windowed && matches!(self.span, Span::Nanos(_));
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

const fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate <= 1.0
}

/// The settings, to be chained in a `static`, where a wrong value does not compile.
impl CircuitBreaker {
    pub(super) const fn set(mut self, settings: Settings) -> Self {
        self.settings = settings.check();
        self.window.set_span(settings.span);
        self
    }

    /// Consecutive failures that open it: 5 unless set, at most 1,048,575.
    ///
    /// ```
    /// # use retry_runtime::breaker::CircuitBreaker;
    /// static B: CircuitBreaker = CircuitBreaker::new("docs-threshold").failure_threshold(1);
    /// B.try_acquire().unwrap().failure();
    /// assert!(B.try_acquire().is_err());
    /// ```
    ///
    /// # Panics
    ///
    /// When it is 0 or above 1,048,575, or beside `failure_rate`. In a `static`, this and all other
    /// panics of the settings are compile errors.
    #[must_use]
    #[track_caller]
    pub const fn failure_threshold(self, failures: u32) -> Self {
        assert!(
            failures >= 1 && failures <= MOST_FAILURES,
            "`failure_threshold` must be from 1 to 1_048_575"
        );
        let given = Given { threshold: true, ..self.settings.given };
        let settings = Settings { failure_threshold: failures, given, ..self.settings };
        self.set(settings)
    }

    /// The share of failed calls in the window, reached or passed, that opens it, instead of
    /// `failure_threshold`.
    ///
    /// ```
    /// # use retry_runtime::breaker::{CircuitBreaker, State};
    /// static B: CircuitBreaker =
    ///     CircuitBreaker::new("docs-rate").failure_rate(0.5).window(10).minimum_calls(4);
    /// for failed in [true, false, false, true] {
    ///     let permit = B.try_acquire().unwrap();
    ///     if failed { permit.failure() } else { permit.success() }
    /// }
    /// assert_eq!(B.state(), State::Open);
    /// ```
    ///
    /// # Panics
    ///
    /// When it is not above 0.0 and at most 1.0, or beside `failure_threshold`.
    #[must_use]
    #[track_caller]
    pub const fn failure_rate(self, rate: f64) -> Self {
        assert!(is_rate(rate), "`failure_rate` must be above 0.0 and at most 1.0");
        let settings = Settings { failure_rate: rate, ..self.settings };
        self.set(settings)
    }

    /// The rates are those of the last `calls` calls; 100 unless set.
    ///
    /// # Panics
    ///
    /// When it is 0, above 10,000 or smaller than `minimum_calls`.
    #[must_use]
    #[track_caller]
    pub const fn window(self, calls: u32) -> Self {
        assert!(calls >= 1 && calls <= MOST_CALLS, "`window` must be from 1 to 10_000 calls");
        let given = Given { window: true, ..self.settings.given };
        let settings = Settings { span: Span::Calls(calls), given, ..self.settings };
        self.set(settings)
    }

    /// The rates are those of the last `duration`, which moves in tenths: the current tenth,
    /// aligned to the clock, and the nine before.
    ///
    /// # Panics
    ///
    /// When it is shorter than 100 ms.
    #[must_use]
    #[track_caller]
    pub const fn window_duration(self, duration: Duration) -> Self {
        assert!(nanos(duration) >= SHORTEST_WINDOW, "`window_duration` must be at least 100ms");
        let settings = Settings { span: Span::Nanos(nanos(duration)), ..self.settings };
        self.set(settings)
    }

    /// Calls in the window before its shares mean anything: 10 unless set, or the whole window
    /// where that is smaller.
    ///
    /// # Panics
    ///
    /// When it is 0 or larger than a `window` counted in calls.
    #[must_use]
    #[track_caller]
    pub const fn minimum_calls(self, calls: u32) -> Self {
        assert!(calls >= 1, "`minimum_calls` must be at least 1");
        let settings = Settings { minimum_calls: calls, ..self.settings };
        self.set(settings)
    }

    /// Calls that take longer are slow. Without `slow_call_rate` a slow call counts as a failure.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[must_use]
    #[track_caller]
    pub const fn slow_call(self, duration: Duration) -> Self {
        assert!(!duration.is_zero(), "`slow_call` must be longer than zero");
        let settings = Settings { slow_call: nanos(duration), ..self.settings };
        self.set(settings)
    }

    /// The share of slow calls in the window that opens it, beside what failures do.
    ///
    /// # Panics
    ///
    /// When it is not above 0.0 and at most 1.0, or `slow_call` was not set before.
    #[must_use]
    #[track_caller]
    pub const fn slow_call_rate(self, rate: f64) -> Self {
        assert!(is_rate(rate), "`slow_call_rate` must be above 0.0 and at most 1.0");
        assert!(
            self.settings.slow_call != NEVER,
            "`slow_call_rate` needs to know what is slow: set `slow_call` before it"
        );
        let settings = Settings { slow_rate: rate, ..self.settings };
        self.set(settings)
    }

    /// Open for this long, 30 s unless set, then half-open. The end is inclusive: a call exactly
    /// then is a probe.
    ///
    /// # Panics
    ///
    /// When it is zero or longer than `max_recovery_timeout`.
    #[must_use]
    #[track_caller]
    pub const fn recovery_timeout(self, duration: Duration) -> Self {
        assert!(!duration.is_zero(), "`recovery_timeout` must be longer than zero");
        let given = Given { recovery: true, ..self.settings.given };
        let settings = Settings { recovery: nanos(duration), given, ..self.settings };
        self.set(settings)
    }

    /// Every further break without a close in between is longer by this factor; 1.0 unless set.
    ///
    /// # Panics
    ///
    /// When it is below 1.0 or above 1000.
    #[must_use]
    #[track_caller]
    pub const fn recovery_factor(self, factor: f64) -> Self {
        assert!(factor >= 1.0 && factor <= 1000.0, "`recovery_factor` must be from 1.0 to 1000.0");
        let settings = Settings { factor, ..self.settings };
        self.set(settings)
    }

    /// No break is longer, jitter apart; ten times `recovery_timeout` unless set.
    ///
    /// # Panics
    ///
    /// When it is shorter than `recovery_timeout`.
    #[must_use]
    #[track_caller]
    pub const fn max_recovery_timeout(self, duration: Duration) -> Self {
        assert!(!duration.is_zero(), "`max_recovery_timeout` must be longer than zero");
        let settings = Settings { max_recovery: nanos(duration), ..self.settings };
        self.set(settings)
    }

    /// A break is lengthened by a random share of up to this; 0.1 unless set. Drawn by the first
    /// call after the break began, and applied after the cap, so that a fleet stays spread there.
    ///
    /// # Panics
    ///
    /// When it is not from 0.0 to 1.0.
    #[must_use]
    #[track_caller]
    pub const fn recovery_jitter(self, share: f64) -> Self {
        assert!(share >= 0.0 && share <= 1.0, "`recovery_jitter` must be from 0.0 to 1.0");
        let settings = Settings { jitter: share, ..self.settings };
        self.set(settings)
    }

    /// Probes admitted at once while half-open, and successes needed to close; 1 unless set.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    #[track_caller]
    pub const fn half_open_requests(self, requests: u32) -> Self {
        assert!(requests >= 1, "`half_open_requests` must be at least 1, or it could never close");
        let settings = Settings { half_open: requests, ..self.settings };
        self.set(settings)
    }

    /// A probe without a result for this long has failed; unless set, `recovery_timeout` or the
    /// attempt timeout of the function, whichever is longer.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[must_use]
    #[track_caller]
    pub const fn probe_timeout(self, duration: Duration) -> Self {
        assert!(!duration.is_zero(), "`probe_timeout` must be longer than zero");
        let settings = Settings { probe_timeout: nanos(duration), ..self.settings };
        self.set(settings)
    }

    /// Whether a success may open it, when it is the call that completes `minimum_calls` (as in
    /// resilience4j). Not unless set: a breaker that opens on good news is hard to explain (Polly).
    /// Every call then looks at the whole window.
    #[must_use]
    #[track_caller]
    pub const fn trip_on_success(self, yes: bool) -> Self {
        let settings = Settings { trip_on_success: yes, ..self.settings };
        self.set(settings)
    }
}
