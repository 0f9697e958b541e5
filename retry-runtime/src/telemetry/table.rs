//! Text tables: columns as wide as their widest cell, two spaces between them.

use std::fmt::{self, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table that is printed once all its rows are known.
pub(crate) struct Table<const N: usize> {
    head: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(head: [(&'static str, Align); N]) -> Self {
        Self { head, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Below another table, if there is anything in it.
    pub(crate) fn fmt_below(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        write!(f, "\n{self}")
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(self.head[column].0.len())
        });
        let aligns = self.head.map(|(_, align)| align);
        line(f, self.head.map(|(name, _)| name), aligns, widths)?;
        for row in &self.rows {
            line(f, std::array::from_fn(|column| row[column].as_str()), aligns, widths)?;
        }
        Ok(())
    }
}

fn line<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    cells: [&str; N],
    aligns: [Align; N],
    widths: [usize; N],
) -> fmt::Result {
    let mut line = String::new();
    for ((cell, align), width) in cells.into_iter().zip(aligns).zip(widths) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        match align {
            Align::Left => write!(line, "{cell:width$}")?,
            Align::Right => write!(line, "{cell:>width$}")?,
        }
    }
    writeln!(f, "{}", line.trim_end())
}

/// A share as a percentage: `0%`, `0.4%`, `12%`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 10.0 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
}

/// A duration in at most two units, as attributes write it: `250ms`, `1.5s`, `2m30s`, `24h`.
pub(crate) fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => {
            let text = format!("{duration:.2?}");
            // `1.50s` and `250.00ms` say no more than `1.5s` and `250ms`.
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            let number = &text[..text.len() - unit.len()];
            let number = if number.contains('.') {
                number.trim_end_matches('0').trim_end_matches('.')
            } else {
                number
            };
            format!("{number}{unit}")
        }
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, rest) => format!("{minutes}m{rest}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([("name", Align::Left), ("calls", Align::Right)]);
        table.row(["söme::function".into(), "7".into()]);
        table.row(["b".into(), "123456".into()]);
        let expected = "name             calls\nsöme::function       7\nb               123456\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn durations_read_as_they_are_written() {
        for (millis, expected) in [
            (0, "0ns"),
            (250, "250ms"),
            (1500, "1.5s"),
            (10_000, "10s"),
            (59_990, "59.99s"),
            (150_000, "2m30s"),
            (3_600_000, "1h"),
            (86_400_000, "24h"),
            (5_400_000, "1h30m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
        assert_eq!(duration(Duration::from_nanos(1)), "1ns");
        assert_eq!(duration(Duration::MAX), "5124095576030431h");
    }

    #[test]
    fn small_shares_keep_a_digit() {
        assert_eq!([0.0, 0.004, 0.5, 1.25].map(percent), ["0%", "0.4%", "50%", "125%"]);
    }
}
