//! Lines on standard output. Colour where that is a terminal and `NO_COLOR` is not set; elsewhere the
//! text alone.

use std::fmt;
use std::io::{IsTerminal, Write as _, stdout};
use std::sync::OnceLock;

#[derive(Clone, Copy)]
pub(crate) enum Paint {
    Heading,
    Faint,
    Warning,
    Good,
    Bad,
}

impl Paint {
    pub(crate) fn on(self, text: impl fmt::Display) -> String {
        static COLOUR: OnceLock<bool> = OnceLock::new();
        let colour = COLOUR.get_or_init(|| {
            stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
        });
        let code = match self {
            Self::Heading => "1",
            Self::Faint => "2",
            Self::Warning => "33",
            Self::Good => "32",
            Self::Bad => "31",
        };
        if *colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// A line at once, and whole: several threads tell, and a pipe may be closed.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(stdout().lock(), "{line}");
}
