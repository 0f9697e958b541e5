//! What is drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Cell, Padding, Paragraph, Row, Sparkline, Table};

use crate::feed::{Breaker, Budget, Operation, Snapshot};
use crate::history::{GIVEN_UP, History, Rates};

const DIM: Color = Color::Indexed(244);
const FRAME: Color = Color::Indexed(239);
const GOOD: Color = Color::Indexed(114);
const WARN: Color = Color::Indexed(221);
const BAD: Color = Color::Indexed(203);
const ACCENT: Color = Color::Indexed(110);

pub(crate) fn draw(frame: &mut Frame<'_>, history: &History, url: &str) {
    let empty = Snapshot::default();
    let snapshot = history.latest().unwrap_or(&empty);
    let below = snapshot.breakers.len().max(snapshot.budgets.len()).max(1);
    let below = u16::try_from(below).unwrap_or(u16::MAX).min(frame.area().height / 3) + 3;
    let [head, summary, operations, below, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(5),
        Constraint::Min(4),
        Constraint::Length(below),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_head(frame, head, history, url);
    draw_summary(frame, summary, history);
    draw_operations(frame, operations, &snapshot.operations, &history.rates());
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(below);
    draw_breakers(frame, left, &snapshot.breakers);
    draw_budgets(frame, right, &snapshot.budgets);
    let keys = Line::from(vec![" q".fg(ACCENT).bold(), " quit".fg(DIM)]);
    frame.render_widget(keys, foot);
}

fn panel(title: &str) -> Block<'_> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().fg(FRAME))
        .padding(Padding::horizontal(1))
        .title(Line::from(vec![" ".into(), title.fg(ACCENT).bold(), " ".into()]))
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, history: &History, url: &str) {
    let (light, words) = match (&history.lost, history.latest()) {
        (Some(why), _) => ("●".fg(BAD), format!("no answer: {why}").fg(BAD)),
        (None, None) => ("●".fg(WARN), "waiting for the first answer".fg(DIM)),
        (None, Some(_)) => {
            let seconds = history.watched().as_secs();
            ("●".fg(GOOD), format!("watched for {:02}:{:02}", seconds / 60, seconds % 60).fg(DIM))
        }
    };
    let line = vec![
        " steadfast".fg(ACCENT).bold(),
        " top  ".bold(),
        light,
        " ".into(),
        Span::raw(url.to_owned()),
        "  ".into(),
        words,
    ];
    frame.render_widget(Line::from(line), area);
}

/// All operations together: four numbers, and how calls and retries went.
fn draw_summary(frame: &mut Frame<'_>, area: Rect, history: &History) {
    let all = history.all();
    let [numbers, calls, retries] =
        Layout::horizontal([Constraint::Length(46), Constraint::Fill(1), Constraint::Fill(1)])
            .areas(area);
    let word = |word: &'static str| format!("{word:<12}").fg(DIM);
    let number = |text: String, color: Color| format!("{text:<10}").fg(color).bold();
    let lines = vec![
        Line::from(vec![
            word("calls"),
            number(format!("{:.0}/s", all.calls), Color::Reset),
            word("retry rate"),
            number(percent(all.retry_rate()), retry_color(all.retry_rate())),
        ]),
        Line::from(vec![
            word("healed"),
            number(format!("{:.1}/s", all.healed), GOOD),
            word("load"),
            number(format!("{:.2}×", all.load()), load_color(all.load())),
        ]),
        Line::from(vec![
            word("given up"),
            number(format!("{:.1}/s", all.given_up), given_up_color(all)),
        ]),
    ];
    frame.render_widget(Paragraph::new(lines).block(panel("all operations")), numbers);
    for (area, title, points, color) in [
        (calls, "calls a second", &history.calls, ACCENT),
        (retries, "retries a second", &history.retries, WARN),
    ] {
        let block = panel(title);
        let width = usize::from(block.inner(area).width);
        let shown = points.iter().skip(points.len().saturating_sub(width)).copied();
        let line = Sparkline::default()
            .data(shown.collect::<Vec<_>>())
            .bar_set(bar::NINE_LEVELS)
            .style(Style::new().fg(color))
            .block(block);
        frame.render_widget(line, area);
    }
}

fn draw_operations(frame: &mut Frame<'_>, area: Rect, operations: &[Operation], rates: &[Rates]) {
    let head = [
        "operation",
        "calls/s",
        "retry rate",
        "load",
        "healed/s",
        "given up/s",
        "calls",
        "ended otherwise",
    ];
    let right = |text: String| Cell::from(Line::from(text).right_aligned());
    let rows = operations.iter().zip(rates).map(|(operation, now)| {
        let quiet = now.calls <= 0.0;
        let name = Span::raw(operation.name.clone());
        Row::new([
            Cell::from(if quiet { name.fg(DIM) } else { name.bold() }),
            right(format!("{:.1}", now.calls)),
            right(percent(now.retry_rate())).style(retry_color(now.retry_rate())),
            right(format!("{:.2}×", now.load())).style(load_color(now.load())),
            right(format!("{:.1}", now.healed)).style(if now.healed > 0.0 { GOOD } else { DIM }),
            right(format!("{:.1}", now.given_up)).style(given_up_color(*now)),
            right(operation.calls.to_string()),
            Cell::from(ended(operation)),
        ])
    });
    let widest = operations.iter().map(|operation| operation.name.chars().count()).max();
    let name = u16::try_from(widest.unwrap_or(0).clamp(9, 40)).unwrap_or(40);
    // Where there is no room for all, the name stays.
    let widths = [8, 10, 7, 8, 10, 9].map(Constraint::Length);
    let widths = std::iter::once(Constraint::Min(name)).chain(widths);
    let head = head.iter().enumerate().map(|(column, title)| {
        let line = Line::from(title.fg(DIM));
        if (1..=6).contains(&column) { line.right_aligned() } else { line }
    });
    let table = Table::new(rows, widths.chain([Constraint::Fill(1)]))
        .header(Row::new(head))
        .column_spacing(2)
        .block(panel("operations"));
    frame.render_widget(table, area);
}

/// What callers were given beside successes, in total: `exhausted 3  budget 1`.
fn ended(operation: &Operation) -> Line<'static> {
    let mut spans = Vec::new();
    for (result, calls) in &operation.results {
        if result.starts_with("ok") {
            continue;
        }
        let color = if GIVEN_UP.contains(&result.as_str()) { BAD } else { DIM };
        spans.push(format!("{} ", result.replace('_', " ")).fg(color));
        spans.push(format!("{calls}  ").into());
    }
    if spans.is_empty() { Line::from("–".fg(DIM)) } else { Line::from(spans) }
}

fn draw_breakers(frame: &mut Frame<'_>, area: Rect, breakers: &[Breaker]) {
    let rows = breakers.iter().map(|breaker| {
        let color = match breaker.state.as_str() {
            "closed" => GOOD,
            "half-open" => WARN,
            "open" | "forced open" => BAD,
            _ => DIM,
        };
        let failing = match breaker.failure_rate {
            Some(rate) => percent(rate),
            None if breaker.consecutive_failures == 0 => "–".to_owned(),
            None => format!("{} in a row", breaker.consecutive_failures),
        };
        let probe = breaker.seconds_until_half_open;
        Row::new([
            Cell::from(Span::raw(breaker.name.clone()).bold()),
            Cell::from(Line::from(vec!["● ".fg(color), breaker.state.clone().fg(color).bold()])),
            Cell::from(Line::from(failing).right_aligned()),
            Cell::from(Line::from(breaker.rejected.to_string()).right_aligned()),
            Cell::from(probe.map_or("–".to_owned(), |left| format!("in {left:.1}s"))),
        ])
    });
    let widths = [
        Constraint::Min(12),
        Constraint::Length(15),
        Constraint::Length(10),
        Constraint::Length(8),
        Constraint::Length(10),
    ];
    let head = Row::new([
        Line::from("breaker"),
        Line::from("state"),
        Line::from("failing").right_aligned(),
        Line::from("rejected").right_aligned(),
        Line::from("next probe"),
    ]);
    let table = Table::new(rows, widths)
        .header(head.style(Style::new().fg(DIM)))
        .column_spacing(2)
        .block(panel("circuit breakers"));
    frame.render_widget(table, area);
}

fn draw_budgets(frame: &mut Frame<'_>, area: Rect, budgets: &[Budget]) {
    let block = panel("retry budgets");
    let inner = block.inner(area);
    let widest = budgets.iter().map(|budget| budget.name.chars().count()).max().unwrap_or(0);
    let width = usize::from(inner.width).saturating_sub(widest + 2 + 12).min(24);
    let lines = budgets.iter().map(|budget| {
        let name = format!("{:widest$}  ", budget.name).bold();
        let tokens = match budget.max_tokens {
            Some(most) => format!("  {}/{most}", budget.tokens),
            None => format!("  {}", budget.tokens),
        };
        let color = match budget.tokens {
            0 => BAD,
            1..=2 => WARN,
            _ => GOOD,
        };
        // A default budget has no fixed size: a bar would say nothing.
        let (full, rest) = match budget.max_tokens {
            Some(most) => {
                let full = budget.tokens as f64 / most.max(1) as f64 * width as f64;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at most the width"
                )]
                let full = (full.round() as usize).min(width);
                ("━".repeat(full), "━".repeat(width - full))
            }
            None => (format!("{:width$}", "grows with its calls"), String::new()),
        };
        let bar = if budget.max_tokens.is_some() { full.fg(color) } else { full.fg(DIM) };
        Line::from(vec![name, bar, rest.fg(FRAME), tokens.fg(color)])
    });
    let head = Line::from(format!("{:widest$}  tokens left", "budget").fg(DIM));
    let lines: Vec<_> = std::iter::once(head).chain(lines).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn retry_color(rate: f64) -> Color {
    match rate {
        rate if rate >= 0.1 => BAD,
        rate if rate >= 0.02 => WARN,
        _ => GOOD,
    }
}

fn load_color(load: f64) -> Color {
    match load {
        load if load > 1.5 => BAD,
        load if load > 1.2 => WARN,
        _ => Color::Reset,
    }
}

fn given_up_color(rates: Rates) -> Color {
    if rates.given_up > 0.0 { BAD } else { DIM }
}
