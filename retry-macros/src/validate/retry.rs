//! `#[retry]`: options that contradict each other or the function below.

use std::time::Duration;

use proc_macro2::Span;

use super::Given;
use super::schedule::{Delays, Growth};
use crate::diagnostics::{Diagnostics, all_of, fault, shortened, source};
use crate::durations::write_duration;
use crate::model::{Backoff, Budget, DurationValue, InlineBudget, Jitter, Retry, Rule, Spanned};
use crate::options::{BudgetOption, RetryOption, Table};
use crate::parse::Around;
use crate::values;

// What the runtime uses where nothing is said.
pub(crate) const DEFAULT_MAX_ATTEMPTS: u32 = 3;
pub(crate) const DEFAULT_BASE_DELAY: Duration = Duration::from_secs(1);
pub(crate) const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(60);
pub(crate) const DEFAULT_FACTOR: f64 = 2.0;

/// Reports what contradicts itself in the attribute, or contradicts the function below it.
pub(crate) fn retry(
    model: &Retry,
    given: &Given<RetryOption>,
    around: Around,
    diagnostics: &mut Diagnostics,
) {
    let options = Options { model, given };
    options.bounds(diagnostics);
    options.timeouts(diagnostics);
    options.schedule(diagnostics);
    options.factor(diagnostics);
    options.single_attempt(around.alone, diagnostics);
    options.contradicting_entries(diagnostics);
    options.unused_mapping(diagnostics);
    if !around.facts.is_async {
        options.async_only(diagnostics);
    }
}

/// A value that is known while expanding.
#[derive(Clone, Copy)]
struct Known<T> {
    value: T,
    /// Where it was written, `None` for a default.
    written: Option<Span>,
}

pub(super) struct Options<'a> {
    pub(super) model: &'a Retry,
    pub(super) given: &'a Given<RetryOption>,
}

impl Options<'_> {
    /// What is used where nothing was written. A policy may say anything, and a value that was
    /// refused has been reported already.
    fn default<T>(&self, option: RetryOption, value: T) -> Option<Known<T>> {
        let unsaid =
            self.given.span(option).is_none() && self.given.span(RetryOption::Policy).is_none();
        unsaid.then_some(Known { value, written: None })
    }

    fn duration(
        &self,
        option: RetryOption,
        said: Option<&Spanned<DurationValue>>,
        default: Duration,
    ) -> Option<Known<Duration>> {
        match said {
            Some(said) => {
                said.value.literal().map(|value| Known { value, written: Some(said.span) })
            }
            None => self.default(option, default),
        }
    }

    fn base_delay(&self) -> Option<Known<Duration>> {
        self.duration(RetryOption::BaseDelay, self.model.base_delay.as_ref(), DEFAULT_BASE_DELAY)
    }

    fn max_delay(&self) -> Option<Known<Duration>> {
        self.duration(RetryOption::MaxDelay, self.model.max_delay.as_ref(), DEFAULT_MAX_DELAY)
    }

    fn max_attempts(&self) -> Option<u32> {
        match &self.model.max_attempts {
            Some(said) => values::literal_count(&said.value),
            None => self.default(RetryOption::MaxAttempts, DEFAULT_MAX_ATTEMPTS).map(|it| it.value),
        }
    }

    fn deadline(&self) -> Option<(Duration, Span)> {
        let deadline = self.model.deadline.as_ref()?;
        Some((deadline.value.value.literal()?, deadline.span))
    }

    fn bounds(&self, diagnostics: &mut Diagnostics) {
        let (Some(base), Some(max)) = (self.base_delay(), self.max_delay()) else { return };
        if base.value <= max.value {
            return;
        }
        let custom = matches!(&self.model.backoff, Some(backoff) if matches!(backoff.value, Backoff::Custom(_)));
        let (base_text, max_text) = (write_duration(base.value), write_duration(max.value));
        match (base.written, max.written) {
            (Some(_), Some(written)) => diagnostics.error(
                written,
                format_args!("`max_delay` ({max_text}) is shorter than `base_delay` ({base_text})"),
                format_args!(
                    "raise `max_delay` to at least \"{base_text}\", or lower `base_delay`"
                ),
            ),
            // A backoff of the user's own need not use the default on the other side.
            _ if custom => {}
            (Some(written), None) => diagnostics.error(
                written,
                format_args!(
                    "`base_delay` ({base_text}) is longer than `max_delay` ({max_text} by default)"
                ),
                format_args!(
                    "write `max_delay = \"{base_text}\"` or more beside it, or lower `base_delay`"
                ),
            ),
            (None, Some(written)) => diagnostics.error(
                written,
                format_args!(
                    "`max_delay` ({max_text}) is shorter than `base_delay` ({base_text} by default)"
                ),
                format_args!(
                    "write `base_delay = \"{}\"` beside it, or raise `max_delay`",
                    write_duration(max.value / 10)
                ),
            ),
            (None, None) => {}
        }
    }

    fn timeouts(&self, diagnostics: &mut Diagnostics) {
        let Some(timeout) = &self.model.attempt_timeout else { return };
        let (Some(attempt), Some((deadline, _))) = (timeout.value.literal(), self.deadline())
        else {
            return;
        };
        if attempt > deadline {
            let (attempt, deadline) = (write_duration(attempt), write_duration(deadline));
            diagnostics.error(
                timeout.span,
                format_args!(
                    "`attempt_timeout` ({attempt}) is longer than `deadline` ({deadline})"
                ),
                format_args!(
                    "lower `attempt_timeout` to at most \"{deadline}\", or raise `deadline`"
                ),
            );
        }
    }

    /// Attempts that cannot begin before the deadline even if every delay is the smallest that
    /// jitter can draw and every attempt fails at once.
    fn schedule(&self, diagnostics: &mut Diagnostics) {
        let (Some((deadline, place)), Some(attempts), Some(smallest)) =
            (self.deadline(), self.max_attempts(), self.smallest_delays())
        else {
            return;
        };
        let Some((least, fitting)) = smallest.beyond(attempts, deadline) else { return };
        let least = write_duration(least);
        let lower = if fitting > 1 {
            format!("write `max_attempts = {fitting}`")
        } else {
            "lower `base_delay`".to_owned()
        };
        diagnostics.error(
            place,
            format_args!(
                "`deadline` ({}) ends before attempt {attempts} can begin: the delays take at least {least}",
                write_duration(deadline)
            ),
            format_args!("raise `deadline` above \"{least}\", or {lower}"),
        );
    }

    fn smallest_delays(&self) -> Option<Delays> {
        let jitter = match &self.model.jitter {
            Some(jitter) => jitter.value,
            None => self.default(RetryOption::Jitter, Jitter::Full)?.value,
        };
        let share = match jitter {
            // Nothing is the smallest delay: everything fits.
            Jitter::Full => return None,
            Jitter::Equal => 0.5,
            Jitter::None => 1.0,
        };
        self.delays_at(share)
    }

    /// The schedule with every delay at this share, if all of it is known.
    fn delays_at(&self, share: f64) -> Option<Delays> {
        let backoff = match &self.model.backoff {
            Some(backoff) => backoff.value.clone(),
            None => self.default(RetryOption::Backoff, Backoff::Exponential)?.value,
        };
        let growth = match backoff {
            Backoff::Exponential => Growth::Factor(match &self.model.factor {
                Some(factor) => values::literal_number(&factor.value)?,
                None => self.default(RetryOption::Factor, DEFAULT_FACTOR)?.value,
            }),
            Backoff::Linear => Growth::Step,
            Backoff::Constant => Growth::None,
            // Drawn, whatever `jitter` says; and what only the user knows.
            Backoff::Decorrelated | Backoff::Custom(_) => return None,
        };
        Some(Delays {
            base: self.base_delay()?.value.as_secs_f64(),
            max: self.max_delay()?.value.as_secs_f64(),
            growth,
            share,
        })
    }

    /// How long retrying may go on, if that is known: until the deadline, else for all delays
    /// without jitter and all attempts cut off at their timeout.
    pub(super) fn horizon(&self) -> Option<Duration> {
        if self.given.span(RetryOption::Deadline).is_some() {
            return self.deadline().map(|(deadline, _)| deadline);
        }
        let attempts = self.max_attempts()?;
        let attempt = match &self.model.attempt_timeout {
            Some(timeout) => timeout.value.literal()?,
            None => self.default(RetryOption::AttemptTimeout, Duration::ZERO)?.value,
        };
        let delays = self.delays_at(1.0)?.total(attempts);
        Some(delays.saturating_add(attempt.saturating_mul(attempts)))
    }

    fn factor(&self, diagnostics: &mut Diagnostics) {
        let (Some(factor), Some(backoff)) = (&self.model.factor, &self.model.backoff) else {
            return;
        };
        let word = match backoff.value {
            Backoff::Linear => "linear",
            Backoff::Constant => "constant",
            Backoff::Exponential | Backoff::Decorrelated | Backoff::Custom(_) => return,
        };
        diagnostics.error(
            factor.key,
            format_args!("`factor` has no effect beside `backoff = \"{word}\"`"),
            "remove it, or write `backoff = \"exponential\"`",
        );
    }

    fn single_attempt(&self, alone: bool, diagnostics: &mut Diagnostics) {
        let Some(max_attempts) = &self.model.max_attempts else { return };
        if values::literal_count(&max_attempts.value) != Some(1) {
            return;
        }
        let idle: Vec<&str> = RetryOption::ALL
            .iter()
            .filter(|option| {
                self.given.span(**option).is_some() && self.idle_without_retry(**option, alone)
            })
            .map(|option| option.name())
            .collect();
        if idle.is_empty() {
            return;
        }
        let have = if idle.len() == 1 { "has" } else { "have" };
        diagnostics.error(
            max_attempts.span,
            format_args!(
                "`max_attempts = 1` never retries, so {} {have} no effect",
                all_of(idle.iter().copied())
            ),
            format_args!(
                "write `max_attempts = 2` or more, or remove {}",
                all_of(idle.iter().copied())
            ),
        );
    }

    /// Whether an option says nothing where the body runs only once. A `clone` still clones, and
    /// what classifies an error is also asked by the other attributes of a stack.
    fn idle_without_retry(&self, option: RetryOption, alone: bool) -> bool {
        match option {
            RetryOption::On | RetryOption::NotOn | RetryOption::When => alone,
            RetryOption::WhenValue
            | RetryOption::Backoff
            | RetryOption::BaseDelay
            | RetryOption::MaxDelay
            | RetryOption::Factor
            | RetryOption::Jitter
            | RetryOption::MaxRetryAfter
            | RetryOption::OnRetry => true,
            RetryOption::Budget => {
                !matches!(&self.model.budget, Some(budget) if matches!(budget.value, Budget::None))
            }
            RetryOption::MaxAttempts
            | RetryOption::Classify
            | RetryOption::ClassifyValue
            | RetryOption::AttemptTimeout
            | RetryOption::Deadline
            | RetryOption::Policy
            | RetryOption::Clone
            | RetryOption::Context
            | RetryOption::Nested
            | RetryOption::Name
            | RetryOption::Sleep
            | RetryOption::MapTimeout
            | RetryOption::LogErrors
            | RetryOption::LogLimit
            | RetryOption::Crate => false,
        }
    }

    fn contradicting_entries(&self, diagnostics: &mut Diagnostics) {
        let Some(rule) = &self.model.rule else { return };
        let Rule::On(on) = &rule.value else { return };
        let on: Vec<String> = on.iter().map(source).collect();
        for entry in &self.model.not_on {
            let text = source(entry);
            if on.contains(&text) {
                diagnostics.push(fault(
                    entry,
                    format_args!("`{}` is listed in `on` and in `not_on`", shortened(&text)),
                    "keep it in one of the two; `not_on` beats `on`",
                ));
            }
        }
    }

    fn unused_mapping(&self, diagnostics: &mut Diagnostics) {
        let cuts = [RetryOption::AttemptTimeout, RetryOption::Deadline, RetryOption::Policy];
        if let Some(map_timeout) = &self.model.map_timeout
            && !cuts.iter().any(|option| self.given.span(*option).is_some())
        {
            diagnostics.error(
                map_timeout.key,
                "`map_timeout` is never called without `attempt_timeout` or `deadline`",
                "write `attempt_timeout = \"5s\"` beside it, or remove it",
            );
        }
    }

    fn async_only(&self, diagnostics: &mut Diagnostics) {
        if let Some(key) = self.given.span(RetryOption::AttemptTimeout) {
            diagnostics.error(
                key,
                "`attempt_timeout` needs an `async fn`: a sync function cannot be cut off",
                "write `deadline = \"30s\"` to bound the retrying, or make the function `async`",
            );
        }
        if let Some(key) = self.given.span(RetryOption::Sleep) {
            diagnostics.error(
                key,
                "`sleep` needs an `async fn`: a sync function sleeps on its thread",
                "remove it, or make the function `async`",
            );
        }
    }
}

/// Reports a budget that can never be filled again.
pub(crate) fn budget(
    budget: &InlineBudget,
    given: &Given<BudgetOption>,
    diagnostics: &mut Diagnostics,
) {
    let sources = [
        (BudgetOption::TokensPerSecond, &budget.tokens_per_second),
        (BudgetOption::Ratio, &budget.ratio),
    ];
    let mut said = sources.iter().filter(|(option, _)| given.span(*option).is_some());
    let empty = |value: &Option<Spanned<syn::Expr>>| {
        value.as_ref().and_then(|said| values::literal_number(&said.value)) == Some(0.0)
    };
    if !said.clone().all(|(_, value)| empty(value)) {
        return;
    }
    if let Some((option, Some(value))) = said.next_back() {
        diagnostics.error(
            value.span,
            format_args!("a budget with `{} = 0` is never filled again", option.name()),
            format_args!("write `{}`, or `budget = none` for no budget", option.example()),
        );
    }
}
