//! One log line for each failed attempt that will be retried, and one when a call gives up.

use std::fmt::Display;
use std::time::Duration;

use crate::call::{Now, StateRef};
use crate::engine::{Failure, StopReason};
use crate::operation::Operation;
use crate::policy::RetryPolicy;
use crate::telemetry::limit::Line;
use crate::telemetry::redact::Redacted;

/// What a line is about.
pub(crate) struct Ended<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) attempt: u32,
    pub(crate) failure: Failure,
    pub(crate) error: Option<&'a dyn Display>,
}

impl Failure {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Classified(class) => class.retryable_kind().map_or("permanent", |k| k.as_str()),
            Self::Poll => "poll",
            Self::Rejected => "circuit_open",
        }
    }
}

impl Ended<'_> {
    fn text(&self) -> Redacted<'_> {
        Redacted(self.error.filter(|_| self.policy.log_errors))
    }

    pub(crate) fn retrying(&self, delay: Duration, now: &mut Now) {
        let (operation, attempt, of) =
            (self.operation.name, self.attempt, self.policy.max_attempts);
        let reason = self.failure.as_str();
        if self.failure == Failure::Poll {
            tracing::debug!(target: "steadfast::retry", operation, attempt, of, ?delay, reason, "polling again");
            return;
        }
        if !tracing::enabled!(target: "steadfast::retry", tracing::Level::WARN)
            || !self.may_write(now)
        {
            return;
        }
        tracing::warn!(
            target: "steadfast::retry",
            operation, attempt, of, ?delay, reason, error = %self.text(), "attempt failed, retrying"
        );
    }

    pub(crate) fn stopped(&self, why: StopReason, now: &mut Now) {
        let (operation, attempt, of) =
            (self.operation.name, self.attempt, self.policy.max_attempts);
        let (reason, result) = (self.failure.as_str(), why.as_str());
        match why {
            // A function that never retries has nothing to give up.
            StopReason::Exhausted
            | StopReason::Deadline
            | StopReason::Budget
            | StopReason::Hint
                if self.policy.max_attempts > 1 =>
            {
                if tracing::enabled!(target: "steadfast::retry", tracing::Level::ERROR)
                    && self.may_write(now)
                {
                    tracing::error!(
                        target: "steadfast::retry",
                        operation, attempt, of, result, reason, error = %self.text(), "giving up"
                    );
                }
            }
            _ => tracing::debug!(
                target: "steadfast::retry",
                operation, attempt, of, result, reason, error = %self.text(), "not retried"
            ),
        }
    }

    fn may_write(&self, now: &mut Now) -> bool {
        match StateRef::of(self.operation).log.ask(now.get(), self.policy.log_limit) {
            Line::Write => true,
            Line::WriteAfter(lines) => {
                tracing::warn!(
                    target: "steadfast::retry",
                    operation = self.operation.name, lines, "more lines were left out in the last second that had any"
                );
                true
            }
            Line::Skip => false,
        }
    }
}
