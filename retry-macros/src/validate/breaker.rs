//! `#[circuit_breaker]`: options that contradict each other.

use std::time::Duration;

use syn::Expr;

use super::{Given, literal};
use crate::diagnostics::{Diagnostics, all_of, excerpt, fault, shortened, source};
use crate::durations::write_duration;
use crate::model::{Breaker, BreakerSource, Entry, Rule, Window};
use crate::options::{BreakerOption, Table};
use crate::values;

/// What the runtime uses where nothing is said.
const DEFAULT_RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a `static` says itself: options of the function may not say it again.
const SETTINGS: [BreakerOption; 14] = [
    BreakerOption::FailureThreshold,
    BreakerOption::FailureRate,
    BreakerOption::Window,
    BreakerOption::MinimumCalls,
    BreakerOption::SlowCall,
    BreakerOption::SlowCallRate,
    BreakerOption::RecoveryTimeout,
    BreakerOption::RecoveryFactor,
    BreakerOption::MaxRecoveryTimeout,
    BreakerOption::RecoveryJitter,
    BreakerOption::HalfOpenRequests,
    BreakerOption::ProbeTimeout,
    BreakerOption::TripOnSuccess,
    BreakerOption::MaxKeys,
];

/// Reports what stands beside the path of a `static`, which has a name and settings of its own.
pub(crate) fn breaker_of_a_path(
    path: &Expr,
    given: &Given<BreakerOption>,
    diagnostics: &mut Diagnostics,
) {
    let shown = excerpt(path);
    for option in SETTINGS {
        if let Some(key) = given.span(option) {
            let name = option.name();
            diagnostics.error(
                key,
                format_args!("`{name}` stands beside `{shown}`, which has settings of its own"),
                format_args!("write `.{name}(…)` where `{shown}` is defined"),
            );
        }
    }
    if let Some(key) = given.span(BreakerOption::Name) {
        diagnostics.error(
            key,
            format_args!("`name` stands beside `{shown}`, which has a name of its own"),
            format_args!("keep `{shown}` or the `name`"),
        );
    }
    if let Some(key) = given.span(BreakerOption::Key) {
        diagnostics.error(
            key,
            format_args!("`key` stands beside `{shown}`, which is one breaker for every key"),
            format_args!("write `name = \"…\"` and the settings instead of `{shown}`"),
        );
    }
}

/// Reports what contradicts itself in the attribute.
pub(crate) fn breaker(
    model: &Breaker,
    given: &Given<BreakerOption>,
    diagnostics: &mut Diagnostics,
) {
    // What stands beside a path has been reported as a whole.
    if matches!(model.source, BreakerSource::Name(_)) {
        let options = Options { model, given };
        options.threshold(diagnostics);
        options.window(diagnostics);
        options.slow(diagnostics);
        options.recovery(diagnostics);
        options.keys(diagnostics);
    }
    entries(model, diagnostics);
}

struct Options<'a> {
    model: &'a Breaker,
    given: &'a Given<BreakerOption>,
}

impl Options<'_> {
    fn has(&self, option: BreakerOption) -> bool {
        self.given.span(option).is_some()
    }

    /// Whether something is a share of a window.
    fn has_rate(&self) -> bool {
        self.given.any(&[BreakerOption::FailureRate, BreakerOption::SlowCallRate])
    }

    fn idle(
        &self,
        option: BreakerOption,
        without: &str,
        help: &str,
        diagnostics: &mut Diagnostics,
    ) {
        if let Some(key) = self.given.span(option) {
            diagnostics.error(
                key,
                format_args!("`{}` has no effect without {without}", option.name()),
                help,
            );
        }
    }

    fn threshold(&self, diagnostics: &mut Diagnostics) {
        if let (Some(key), true) =
            (self.given.span(BreakerOption::FailureThreshold), self.has(BreakerOption::FailureRate))
        {
            diagnostics.error(
                key,
                "`failure_threshold` and `failure_rate` both decide when the breaker opens",
                format_args!("keep one of {}", all_of(["failure_threshold", "failure_rate"])),
            );
        }
    }

    fn window(&self, diagnostics: &mut Diagnostics) {
        if !self.has_rate() {
            const WITHOUT: &str = "`failure_rate` or `slow_call_rate`";
            const HELP: &str = "write `failure_rate = 0.5` beside it, or remove it";
            self.idle(BreakerOption::Window, WITHOUT, HELP, diagnostics);
            self.idle(BreakerOption::MinimumCalls, WITHOUT, HELP, diagnostics);
            self.idle(BreakerOption::TripOnSuccess, WITHOUT, HELP, diagnostics);
            return;
        }
        let (Some(window), Some(minimum)) = (&self.model.window, &self.model.minimum_calls) else {
            return;
        };
        let Window::Calls(calls) = &window.value else { return };
        if let (Some(calls), Some(least)) =
            (values::literal_count(calls), values::literal_count(&minimum.value))
            && least > calls
        {
            diagnostics.error(
                minimum.span,
                format_args!(
                    "`minimum_calls` ({least}) is more than the `window` ({calls}), so the breaker \
                     could never open"
                ),
                format_args!("lower `minimum_calls` to at most {calls}, or raise `window`"),
            );
        }
    }

    fn slow(&self, diagnostics: &mut Diagnostics) {
        if !self.has(BreakerOption::SlowCall) {
            self.idle(
                BreakerOption::SlowCallRate,
                "`slow_call`, which says what is slow",
                "write `slow_call = \"2s\"` beside it",
                diagnostics,
            );
        }
    }

    fn recovery(&self, diagnostics: &mut Diagnostics) {
        if !self.has(BreakerOption::RecoveryFactor) {
            self.idle(
                BreakerOption::MaxRecoveryTimeout,
                "`recovery_factor`, which lengthens repeated breaks",
                "write `recovery_factor = 2.0` beside it, or remove it",
                diagnostics,
            );
            return;
        }
        let Some(most) = &self.model.max_recovery_timeout else { return };
        let first = match &self.model.recovery_timeout {
            Some(said) => said.value.literal().map(|first| (first, "")),
            None if self.has(BreakerOption::RecoveryTimeout) => None,
            None => Some((DEFAULT_RECOVERY_TIMEOUT, " by default")),
        };
        if let (Some(limit), Some((first, said))) = (literal(Some(most)), first)
            && limit < first
        {
            let (limit, first) = (write_duration(limit), write_duration(first));
            diagnostics.error(
                most.span,
                format_args!(
                    "`max_recovery_timeout` ({limit}) is shorter than `recovery_timeout` \
                     ({first}{said})"
                ),
                format_args!(
                    "raise `max_recovery_timeout` to at least \"{first}\", or lower `recovery_timeout`"
                ),
            );
        }
    }

    fn keys(&self, diagnostics: &mut Diagnostics) {
        if !self.has(BreakerOption::Key) {
            self.idle(
                BreakerOption::MaxKeys,
                "`key`",
                "write `key = \"{host}\"` beside it, or remove it",
                diagnostics,
            );
        }
    }
}

/// Errors that are listed as two things at once.
fn entries(model: &Breaker, diagnostics: &mut Diagnostics) {
    const ONE: &str =
        "keep it in one of the two; what `ignore` lists is neither failure nor success";
    let on: &[Entry] = match model.rule.as_ref().map(|rule| &rule.value) {
        Some(Rule::On(entries)) => entries,
        _ => &[],
    };
    let mut both = |first: &[Entry], name: &str, second: &[Entry], other: &str, help: &str| {
        let first: Vec<String> = first.iter().map(source).collect();
        for entry in second {
            let text = source(entry);
            if first.contains(&text) {
                diagnostics.push(fault(
                    entry,
                    format_args!("`{}` is listed in `{name}` and in `{other}`", shortened(&text)),
                    help,
                ));
            }
        }
    };
    both(on, "on", &model.not_on, "not_on", "keep it in one of the two; `not_on` beats `on`");
    both(on, "on", &model.ignore, "ignore", ONE);
    both(&model.not_on, "not_on", &model.ignore, "ignore", ONE);
}
