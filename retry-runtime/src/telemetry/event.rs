//! What an `on_retry` hook is told.

use std::fmt;
use std::time::Duration;

use crate::classify::Classification;

/// A failed attempt that will be tried again: what `on_retry = hook` is given before each sleep.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RetryEvent<'a> {
    /// The operation, `module::function` unless `name` says otherwise.
    pub operation: &'static str,
    /// The attempt that failed; the first is 1.
    pub attempt: u32,
    /// Attempts that the policy allows.
    pub max_attempts: u32,
    /// How long the call sleeps now.
    pub delay: Duration,
    /// What the failure was taken for; `None` for a value that is polled again.
    pub classification: Option<Classification>,
    /// The error, where its type can be displayed.
    pub error: Option<&'a dyn fmt::Display>,
}

impl fmt::Debug for RetryEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryEvent")
            .field("operation", &self.operation)
            .field("attempt", &self.attempt)
            .field("max_attempts", &self.max_attempts)
            .field("delay", &self.delay)
            .field("classification", &self.classification)
            .field("error", &self.error.map(std::string::ToString::to_string))
            .finish()
    }
}
