//! `cargo run --example top --all-features -- --demo`: what a running process retries, in the
//! terminal.
//!
//! It reads the snapshot that the process serves as JSON on loopback; [`endpoint`] is all that the
//! process needs for that, and nothing is served without it. `--url` looks at a process of yours,
//! `--demo` makes one: a shop that fails the way services do, and a load against it. `q` ends it,
//! `--seconds 30` does, too.

mod feed;
mod history;
#[path = "../shared/load.rs"]
mod load;
mod view;

use std::error::Error;
use std::time::{Duration, Instant};

use axum::routing::get;
use axum::{Json, Router};
use clap::Parser;
use crossterm::event::{Event, KeyCode, KeyModifiers};
use ratatui::DefaultTerminal;
use tokio::net::TcpListener;

use history::History;

#[derive(Parser)]
struct Arguments {
    /// Where a process serves its snapshot.
    #[arg(long, default_value = "http://127.0.0.1:9465/steadfast", conflicts_with = "demo")]
    url: String,
    /// Look at a load that this process makes itself.
    #[arg(long)]
    demo: bool,
    /// End after this many seconds instead of at `q`.
    #[arg(long)]
    seconds: Option<u64>,
}

/// What the observed process adds to its own server, on an address that only operators reach.
fn endpoint() -> Router {
    Router::new().route("/steadfast", get(async || Json(steadfast::snapshot())))
}

/// Serves a load of its own and returns where.
async fn demo() -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/steadfast", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, endpoint()).into_future());
    let shop = load::Shop::open().await?;
    tokio::spawn(async move { shop.visit(std::future::pending()).await });
    Ok(url)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let url = if arguments.demo { demo().await? } else { arguments.url };
    let end = arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut terminal = ratatui::init();
    let result = watch(&mut terminal, &url, end).await;
    ratatui::restore();
    result
}

/// Reads, draws, and listens for keys, until told to end.
async fn watch(
    terminal: &mut DefaultTerminal,
    url: &str,
    end: Option<Instant>,
) -> Result<(), Box<dyn Error>> {
    const INTERVAL: Duration = Duration::from_millis(500);
    let client = reqwest::Client::builder().timeout(INTERVAL * 2).build()?;
    let mut history = History::default();
    while end.is_none_or(|end| Instant::now() < end) {
        match feed::read(&client, url).await {
            Ok(snapshot) => history.push(Instant::now(), snapshot),
            Err(error) => history.lost(error.to_string()),
        }
        terminal.draw(|frame| view::draw(frame, &history, url))?;
        let next = Instant::now() + INTERVAL;
        // A key is noticed within a twentieth of a second, and a resize drawn.
        while Instant::now() < next {
            match key().await? {
                Some(Event::Key(key)) if key.is_press() => match key.code {
                    KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                    KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                        return Ok(());
                    }
                    _ => {}
                },
                Some(Event::Resize(..)) => {
                    terminal.draw(|frame| view::draw(frame, &history, url))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The next event of the terminal, if there is one soon. Off the runtime's threads: it waits.
async fn key() -> Result<Option<Event>, Box<dyn Error>> {
    let event = tokio::task::spawn_blocking(|| {
        if crossterm::event::poll(Duration::from_millis(50))? {
            crossterm::event::read().map(Some)
        } else {
            Ok(None)
        }
    });
    Ok(event.await??)
}

#[cfg(test)]
mod tests;
