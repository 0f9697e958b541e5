//! The builder of a breaker: everything wrong is refused in const evaluation.

use std::time::Duration;

use super::CircuitBreaker;
use super::settings::{Given, NEVER, Settings, Span};
use super::word::MOST_FAILURES;
use crate::time::nanos;

/// The largest window: it remembers the place of each failure in it.
const MOST_CALLS: u32 = 10_000;
/// The shortest window of time; its tenths have to mean something.
const SHORTEST_WINDOW: u64 = 100_000_000;

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
    /// aligned to the clock, and the nine before. A success is dated by a clock that may be up to
    /// 10 ms late, so that a call which succeeds stays cheap.
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

    /// Every further break in a row is longer by this factor; 1.0 unless set.
    ///
    /// A row ends when the circuit was closed for as long as the last break lasted (without jitter):
    /// what comes back for a few probes and breaks down under the load that follows meets a longer
    /// break each time. Going to a state [by hand](CircuitBreaker::reset) ends it, too.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use retry_runtime::{Timestamp, breaker::CircuitBreaker};
    /// let breaker = CircuitBreaker::new("docs-row")
    ///     .failure_threshold(1)
    ///     .recovery_timeout(Duration::from_secs(5))
    ///     .recovery_factor(2.0)
    ///     .recovery_jitter(0.0);
    /// let at = |seconds| Timestamp::ZERO.saturating_add(Duration::from_secs(seconds));
    /// let call = |seconds| breaker.try_acquire_at(at(seconds), 0).unwrap();
    ///
    /// call(0).failure_at(at(0));
    /// call(5).success_at(at(5)); // its probe: closed
    /// call(7).failure_at(at(7)); // two seconds later
    /// assert_eq!(breaker.until_half_open_at(at(7), 0), Some(Duration::from_secs(10)));
    ///
    /// call(17).success_at(at(17));
    /// call(30).failure_at(at(30)); // closed for longer than it was open
    /// assert_eq!(breaker.until_half_open_at(at(30), 0), Some(Duration::from_secs(5)));
    /// ```
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
    /// Every call then takes the short lock of the window.
    #[must_use]
    #[track_caller]
    pub const fn trip_on_success(self, yes: bool) -> Self {
        let settings = Settings { trip_on_success: yes, ..self.settings };
        self.set(settings)
    }
}
