//! A window that a const expression measures, in calls or in time: its type says which.

use std::time::Duration;

use super::{CircuitBreaker, WindowSpan};

/// What `window = EXPRESSION` becomes.
///
/// Const evaluation knows no traits. Two methods of one name, each for one type, need none; the name is
/// what an expression of a third type is told.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Measured<T>(pub T);

impl Measured<u32> {
    /// The last so many calls.
    #[must_use]
    pub const fn of_a_u32_or_a_duration(self) -> WindowSpan {
        WindowSpan::Calls(self.0)
    }
}

impl Measured<Duration> {
    /// The last while.
    #[must_use]
    pub const fn of_a_u32_or_a_duration(self) -> WindowSpan {
        WindowSpan::Time(self.0)
    }
}

impl CircuitBreaker {
    /// [`window`](Self::window) or [`window_duration`](Self::window_duration).
    ///
    /// # Panics
    ///
    /// As they do.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn window_span(self, span: WindowSpan) -> Self {
        match span {
            WindowSpan::Calls(calls) => self.window(calls),
            WindowSpan::Time(time) => self.window_duration(time),
        }
    }
}
