//! What an audit can find, and its words.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Worth knowing; an audit with nothing else is clean.
    Note,
    /// Sensible in some places, which `except` names.
    Warning,
    /// Cannot be meant.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What an audit can find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Error: two functions describe the breaker of one name differently.
    ConflictingBreakers,
    /// Error: two functions describe the budget of one name differently.
    ConflictingBudgets,
    /// Error: two idempotent functions make the same keys.
    SharedKeyTemplate,
    /// Warning: an async function has neither a deadline nor an attempt timeout, so one hanging
    /// call hangs its caller.
    Unbounded,
    /// Warning: `nested = "allow"`, so that attempts multiply.
    NestedAllowed,
    /// Warning: results are kept in the memory of one process.
    MemoryStore,
    /// Warning: clients that failed together come back together.
    NoJitter,
    /// Warning: retries are limited by `max_attempts` alone.
    NoBudget,
    /// Warning: this build lists only functions that have failed.
    Incomplete,
    /// Note: with unlucky jitter the deadline ends the retrying before `max_attempts` does.
    AttemptsBeyondDeadline,
    /// Note: two functions of one name, whose metrics are added up.
    SameName,
    /// Note: an exception that fits no finding.
    UnusedException,
}

impl FindingKind {
    /// How much it matters.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::ConflictingBreakers | Self::ConflictingBudgets | Self::SharedKeyTemplate => {
                Severity::Error
            }
            Self::Unbounded
            | Self::NestedAllowed
            | Self::MemoryStore
            | Self::NoJitter
            | Self::NoBudget
            | Self::Incomplete => Severity::Warning,
            Self::AttemptsBeyondDeadline | Self::SameName | Self::UnusedException => Severity::Note,
        }
    }
}

/// One thing that an audit found.
///
/// Printed, it says what, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// The operation, breaker or budget: what [`Audit::except`](super::Audit::except) names.
    pub subject: &'static str,
    /// Source file and line of the functions that it is about.
    pub places: Vec<(&'static str, u32)>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Finding {
    /// How much it matters.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.kind.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity().as_str(), self.message)?;
        for (file, line) in &self.places {
            write!(f, "\n  --> {file}:{line}")?;
        }
        if self.help.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.help) }
    }
}
