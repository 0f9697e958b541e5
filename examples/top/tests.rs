use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;

/// The screen as text.
fn screen(history: &History, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, history, "http://127.0.0.1:1/steadfast")).unwrap();
    terminal.backend().to_string()
}

fn snapshot(calls: u64, budget_left: u64) -> feed::Snapshot {
    serde_json::from_value(serde_json::json!({
        "operations": [{
            "name": "pay", "file": "shop.rs", "line": 7, "calls": calls, "attempts": 2 * calls,
            "results": { "ok": 1, "ok_retried": calls / 2, "exhausted": calls / 2 },
        }],
        "breakers": [{
            "name": "bank", "state": "open", "failure_rate": 0.75, "consecutive_failures": 0,
            "rejected": 12, "seconds_until_half_open": 1.5,
        }],
        "budgets": [
            { "name": "purse", "tokens": budget_left, "max_tokens": 10 },
            { "name": "pay", "tokens": 3, "max_tokens": null },
        ],
    }))
    .unwrap()
}

#[test]
fn counts_become_rates_over_the_last_seconds() {
    let mut history = History::default();
    let began = Instant::now();
    for second in 0..10 {
        // Ten calls a second at first, a hundred in the end.
        let calls = if second < 5 { 10 * second } else { 50 + 100 * (second - 5) };
        history.push(began + Duration::from_secs(second), snapshot(calls, 5));
    }
    let all = history.all();
    assert!((all.calls - 100.0).abs() < 1.0, "{all:?}");
    assert!((all.retry_rate() - 1.0).abs() < 0.01 && (all.load() - 2.0).abs() < 0.01);
    // The process was started anew.
    history.push(began + Duration::from_secs(10), snapshot(3, 5));
    assert!(history.all().calls >= 0.0);
}

#[test]
fn the_screen_shows_operations_breakers_and_budgets() {
    let mut history = History::default();
    let began = Instant::now();
    history.push(began, snapshot(0, 5));
    history.push(began + Duration::from_secs(1), snapshot(40, 5));
    let screen = screen(&history, 120, 24);
    for text in [
        "pay",
        "40.0",
        "100.0%",
        "2.00×",
        "exhausted 20",
        "bank",
        "● open",
        "75.0%",
        "in 1.5s",
        "purse",
        "5/10",
        "grows with its calls",
        "watched for 00:01",
    ] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
}

#[test]
fn no_size_of_a_terminal_is_too_small() {
    let mut history = History::default();
    for (width, height) in [(1, 1), (10, 3), (40, 12), (79, 20), (300, 100)] {
        screen(&history, width, height);
    }
    history.push(Instant::now(), snapshot(1, 0));
    history.lost("connection refused".to_owned());
    for (width, height) in [(1, 1), (10, 3), (40, 12), (79, 20), (300, 100)] {
        screen(&history, width, height);
    }
    assert!(screen(&history, 120, 24).contains("no answer: connection refused"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_serves_can_be_read() {
    let url = demo().await.unwrap();
    let client = reqwest::Client::new();
    let mut history = History::default();
    let end = Instant::now() + Duration::from_secs(20);
    let seen = |history: &History| history.latest().map_or(0, |latest| latest.operations.len());
    while history.all().healed <= 0.0 || seen(&history) < 4 {
        assert!(Instant::now() < end, "not everything ran, or nothing was healed");
        history.push(Instant::now(), feed::read(&client, &url).await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let screen = screen(&history, 140, 30);
    for text in ["price", "stock", "search", "pay", "payments", "PAYMENTS_BUDGET"] {
        assert!(screen.contains(text), "{text}:\n{screen}");
    }
}
