//! A story in numbered parts, each with a clock of its own: what the accounts of the examples
//! `quickstart` and `checkout` are made of. One part is told at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::terminal::{Paint, say};

/// When the part that is being told began.
static BEGUN: Mutex<Option<Instant>> = Mutex::new(None);

/// Begins a part: what happens, and what to look at.
pub(crate) fn heading(number: usize, title: &str, point: &str) {
    say("");
    say(Paint::Heading.on(format!("{number:>2}. {title}")));
    say(format_args!("    {}", Paint::Faint.on(point)));
    *begun() = Some(Instant::now());
}

/// Since the part began; nothing before the first one.
pub(crate) fn elapsed() -> Option<Duration> {
    begun().map(|begun| begun.elapsed())
}

pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn begun() -> MutexGuard<'static, Option<Instant>> {
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner)
}
