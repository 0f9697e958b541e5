//! How many log lines a second an operation may write.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::time::Timestamp;

/// The current second in the upper half, lines asked for in it in the lower.
#[derive(Debug)]
pub(crate) struct LogLimit(AtomicU64);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Write,
    /// The first line of a new second after one that was cut: how many were left out.
    WriteAfter(u32),
    Skip,
}

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    pub(crate) fn ask(&self, now: Timestamp, limit: u32) -> Line {
        let second = (now.as_nanos() / 1_000_000_000) as u32;
        let mut before = 0;
        let _ = self.0.fetch_update(Relaxed, Relaxed, |word| {
            before = word;
            Some(if (word >> 32) as u32 == second {
                if word as u32 == u32::MAX { word } else { word + 1 }
            } else {
                (u64::from(second) << 32) | 1
            })
        });
        let lines = before as u32;
        if (before >> 32) as u32 == second {
            if lines < limit { Line::Write } else { Line::Skip }
        } else if lines > limit {
            Line::WriteAfter(lines - limit)
        } else {
            Line::Write
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted_and_told_in_the_next_second() {
        let limit = LogLimit::new();
        let at = |second: u64| Timestamp::from_nanos(second * 1_000_000_000);
        for _ in 0..10 {
            assert_eq!(limit.ask(at(5), 10), Line::Write);
        }
        for _ in 0..7 {
            assert_eq!(limit.ask(at(5), 10), Line::Skip);
        }
        assert_eq!(limit.ask(at(6), 10), Line::WriteAfter(7));
        assert_eq!(limit.ask(at(7), 10), Line::Write);
    }
}
