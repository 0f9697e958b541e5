//! The settings of a breaker as a value to read: for an audit, a dashboard, a log.

use std::time::Duration;

use super::CircuitBreaker;
use super::settings::{NEVER, Span};

/// What a window covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowSpan {
    /// The last so many calls.
    Calls(u32),
    /// The last while.
    Time(Duration),
}

/// The settings of a breaker, defaults filled in. `None` is an option that is off.
///
/// ```
/// use std::time::Duration;
/// use retry_runtime::breaker::{CircuitBreaker, WindowSpan};
///
/// static B: CircuitBreaker = CircuitBreaker::new("docs-configuration").failure_rate(0.5);
/// let configuration = B.configuration();
/// assert_eq!(configuration.failure_threshold, None);
/// assert_eq!(configuration.window, Some(WindowSpan::Calls(100)));
/// assert_eq!(configuration.minimum_calls, Some(10));
/// assert_eq!(configuration.recovery_timeout, Duration::from_secs(30));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Configuration {
    /// The breaker.
    pub name: &'static str,
    /// Failures in a row that open it.
    pub failure_threshold: Option<u32>,
    /// The share of failed calls that opens it, from 0.0 to 1.0.
    pub failure_rate: Option<f64>,
    /// What the shares are shares of.
    pub window: Option<WindowSpan>,
    /// Calls in the window before its shares mean anything.
    pub minimum_calls: Option<u64>,
    /// Calls that take longer are slow.
    pub slow_call: Option<Duration>,
    /// The share of slow calls that opens it, from 0.0 to 1.0. `None` with a `slow_call`: each slow
    /// call is a failure.
    pub slow_call_rate: Option<f64>,
    /// The length of a first break, without jitter.
    pub recovery_timeout: Duration,
    /// How much longer each further break is.
    pub recovery_factor: f64,
    /// No break is longer, jitter apart.
    pub max_recovery_timeout: Duration,
    /// A break is lengthened by up to this share.
    pub recovery_jitter: f64,
    /// Probes at once, and successes that close it.
    pub half_open_requests: u32,
    /// A probe without a result for this long has failed, where no caller has a longer limit.
    pub probe_timeout: Duration,
    /// Whether a success may open it.
    pub trip_on_success: bool,
    /// The most keys with a breaker each; `None` where there is one breaker.
    pub max_keys: Option<u32>,
}

impl CircuitBreaker {
    /// Its settings.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        let settings = &self.settings;
        let on = |rate: f64| (rate > 0.0).then_some(rate);
        let windowed = settings.windowed;
        Configuration {
            name: self.name,
            failure_threshold: (settings.failure_threshold > 0)
                .then_some(settings.failure_threshold),
            failure_rate: on(settings.failure_rate),
            window: windowed.then(|| match settings.span {
                Span::Calls(calls) => WindowSpan::Calls(calls),
                Span::Nanos(nanos) => WindowSpan::Time(Duration::from_nanos(nanos)),
            }),
            minimum_calls: windowed.then(|| settings.minimum_calls()),
            slow_call: (settings.slow_call != NEVER)
                .then(|| Duration::from_nanos(settings.slow_call)),
            slow_call_rate: on(settings.slow_rate),
            recovery_timeout: Duration::from_nanos(settings.recovery),
            recovery_factor: settings.factor,
            max_recovery_timeout: Duration::from_nanos(settings.longest_break()),
            recovery_jitter: settings.jitter,
            half_open_requests: settings.half_open,
            probe_timeout: Duration::from_nanos(settings.probe_timeout(0)),
            trip_on_success: settings.trip_on_success,
            max_keys: None,
        }
    }
}
