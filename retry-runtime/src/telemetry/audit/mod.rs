//! What a team wants to know of its annotated functions before production tells it:
//! `steadfast::audit()`.

mod finding;
mod rules;

use std::fmt;

pub use finding::{Finding, FindingKind, Severity};

use crate::breaker;
use crate::operation::Operation;
use crate::registry;

/// What was found, the worst first.
///
/// ```
/// use retry_runtime::FindingKind;
///
/// // In a test of the team's own:
/// retry_runtime::audit()
///     .except(FindingKind::NoJitter, "reports::nightly")    // runs alone, at night
///     .except(FindingKind::Incomplete, "steadfast")
///     .assert_clean();
/// ```
#[derive(Clone, Debug)]
#[must_use = "ask `is_clean`, or call `assert_clean`"]
pub struct Audit {
    findings: Vec<Finding>,
    exceptions: Vec<Exception>,
}

#[derive(Clone, Debug)]
struct Exception {
    kind: FindingKind,
    subject: String,
    used: bool,
}

/// Looks at every annotated function that the program holds, called or not.
///
/// It reads what the attributes say, so it is the same in every test and needs no call. Breakers and
/// budgets that were made by hand are seen once they are registered.
pub fn audit() -> Audit {
    Audit::of(&registry::all(), &breaker::conflicts(), registry::complete())
}

impl Audit {
    /// `conflicts` are breakers that disagreed when they were registered.
    fn of(operations: &[&'static Operation], conflicts: &[&'static str], complete: bool) -> Self {
        let mut findings = rules::findings(operations, conflicts);
        if !complete {
            findings.push(rules::incomplete());
        }
        findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity()), finding.kind));
        Self { findings, exceptions: Vec::new() }
    }

    /// The same without the findings of a kind about an operation, breaker or budget of that name.
    ///
    /// An exception that fits nothing is a note, so that it does not outlive its reason unnoticed.
    pub fn except(mut self, kind: FindingKind, subject: &str) -> Self {
        let before = self.findings.len();
        self.findings.retain(|finding| finding.kind != kind || finding.subject != subject);
        let used = self.findings.len() < before;
        self.exceptions.push(Exception { kind, subject: subject.to_owned(), used });
        self
    }

    /// The same without the findings of a kind: for a rule that a team does not share.
    pub fn except_all(mut self, kind: FindingKind) -> Self {
        self.findings.retain(|finding| finding.kind != kind);
        self
    }

    /// What was found, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        let unused = self.exceptions.iter().filter(|exception| !exception.used);
        findings.extend(unused.map(|exception| rules::unused(exception.kind, &exception.subject)));
        findings
    }

    /// Whether there is neither a warning nor an error.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity() == Severity::Note)
    }

    /// For a test.
    ///
    /// # Panics
    ///
    /// With the list of findings, unless it [is clean](Self::is_clean).
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.is_clean(), "{self}");
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = self.findings();
        for finding in &findings {
            writeln!(f, "{finding}\n")?;
        }
        let count = |severity: Severity| {
            let count = findings.iter().filter(|finding| finding.severity() == severity).count();
            format!("{count} {}{}", severity.as_str(), if count == 1 { "" } else { "s" })
        };
        let counts = [Severity::Error, Severity::Warning, Severity::Note].map(count);
        writeln!(f, "audit of annotated functions: {}", counts.join(", "))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
