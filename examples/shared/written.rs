//! What has to come of a story: the program fails if its story changes.

use std::fmt::Write as _;
use std::process::ExitCode;

/// What did not go as written.
#[derive(Default)]
pub(crate) struct Deviations(String);

impl Deviations {
    pub(crate) fn expect(&mut self, held: bool, what: &str) {
        if !held {
            let _ = writeln!(self.0, "  expected: {what}");
        }
    }

    /// # Errors
    ///
    /// All of them, in words, if there are any.
    pub(crate) fn none(self) -> Result<(), String> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(format!("\nthis run did not go as written:\n{}", self.0.trim_end()))
        }
    }
}

/// How the program ends, and on standard error why it failed.
pub(crate) fn exit_code(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
