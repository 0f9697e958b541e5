//! Tables: what was measured beside what is known.

use std::fmt::Write as _;

/// Deviation that still counts as the known answer.
const TOLERANCE: f64 = 0.15;

/// One number.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// A number, and the known answer where there is one.
    Value {
        measured: f64,
        known: Option<f64>,
    },
    /// Words, and the words that are known.
    Words {
        measured: String,
        known: Option<String>,
    },
    Empty,
}

impl Cell {
    pub(crate) fn of(measured: f64) -> Self {
        Self::Value { measured, known: None }
    }

    pub(crate) fn known(measured: f64, known: f64) -> Self {
        Self::Value { measured, known: Some(known) }
    }

    pub(crate) fn maybe(measured: f64, known: Option<f64>) -> Self {
        Self::Value { measured, known }
    }

    pub(crate) fn words(measured: impl Into<String>, known: Option<&str>) -> Self {
        Self::Words { measured: measured.into(), known: known.map(str::to_owned) }
    }

    /// Whether the known answer was met; `None` where there is none.
    pub(crate) fn passes(&self) -> Option<bool> {
        match self {
            Self::Value { measured, known: Some(known) } => {
                let slack = if *known == 0.0 { 0.02 } else { TOLERANCE * known.abs() };
                Some((measured - known).abs() <= slack)
            }
            Self::Words { measured, known: Some(known) } => Some(measured == known),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let mark = if self.passes() == Some(false) { " !" } else { "" };
        match self {
            Self::Value { measured, known: None } => number(*measured),
            Self::Value { measured, known: Some(known) } => {
                let mut text = format!("{} ({}", number(*measured), number(*known));
                if *known != 0.0 && measured.is_finite() {
                    let percent = ((measured - known) / known * 100.0).round() + 0.0;
                    let _ = write!(text, " {percent:+}%");
                }
                format!("{text}){mark}")
            }
            Self::Words { measured, known: None } => measured.clone(),
            Self::Words { measured, known: Some(known) } => format!("{measured} ({known}){mark}"),
            Self::Empty => "–".to_owned(),
        }
    }
}

/// A number with the digits that say something.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "never".to_owned();
    }
    let digits = match value.abs() {
        0.0..100.0 => 2,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Rows of numbers under a title.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn row(&mut self, label: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push((label.into(), cells));
    }

    /// A line below the table.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Known answers met, and known answers.
    pub(crate) fn score(&self) -> (usize, usize) {
        let verdicts = self.rows.iter().flat_map(|(_, cells)| cells).filter_map(Cell::passes);
        verdicts.fold((0, 0), |(met, all), passes| (met + usize::from(passes), all + 1))
    }

    /// The table as aligned text.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<Vec<String>> =
            vec![std::iter::once(String::new()).chain(self.columns.iter().cloned()).collect()];
        for (label, cells) in &self.rows {
            lines
                .push(std::iter::once(label.clone()).chain(cells.iter().map(Cell::text)).collect());
        }
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max()
        };
        let widths: Vec<usize> = (0..=self.columns.len()).map(|c| width(c).unwrap_or(0)).collect();
        let mut text = format!("{}\n", self.title);
        for line in &lines {
            let mut row = String::from("  ");
            for (column, cell) in line.iter().enumerate() {
                let pad = widths[column].saturating_sub(cell.chars().count());
                if column == 0 {
                    let _ = write!(row, "{cell}{:pad$}", "");
                } else {
                    let _ = write!(row, "  {:pad$}{cell}", "");
                }
            }
            let _ = writeln!(text, "{}", row.trim_end());
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        if let (met, all @ 1..) = self.score() {
            let _ = writeln!(text, "  {met} of {all} known answers within ±15 %");
        }
        text
    }
}
