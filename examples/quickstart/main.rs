//! `cargo run --example quickstart`: a real HTTP service on loopback fails the way services do, and
//! annotated functions call it.
//!
//! This file is what a program of yours would look like: an error type that says which failures may
//! be tried again, and functions that say how. The service is in `shop.rs`, the calls and what has
//! to come of each are in `story.rs`, what you read in the terminal is printed by `account.rs`.

mod account;
mod shop;
mod story;

// What other examples use, too.
#[path = "../shared/client.rs"]
mod client;
#[path = "../shared/parts.rs"]
mod parts;
#[path = "../shared/service.rs"]
mod service;
#[path = "../shared/terminal.rs"]
mod terminal;
#[path = "../shared/written.rs"]
mod written;

use std::process::ExitCode;

use reqwest::{Client, blocking};
use steadfast::{AttemptTimeout, Classify, http, retry};
use thiserror::Error;

/// What can go wrong between this program and the shop.
#[derive(Debug, Error, Classify)]
enum ShopError {
    /// No answer: connection refused, reset, broken.
    #[error("{}", client::innermost(.0))]
    #[classify(transparent)]
    Network(#[from] reqwest::Error),
    /// An answer with a failing status. It knows the server's `Retry-After`.
    #[error("{}", .0.status())]
    #[classify(transparent)]
    Status(#[from] http::StatusError),
    /// No answer within `attempt_timeout`.
    #[error("no answer in time")]
    #[retryable(kind = timeout)]
    TooSlow(#[from] AttemptTimeout),
}

/// One request, without any retrying.
async fn get(client: &Client, url: &str) -> Result<String, ShopError> {
    let answer = client.get(url).send().await?;
    Ok(http::check(answer)?.text().await?)
}

/// The same on a thread of its own, without a runtime.
fn get_blocking(client: &blocking::Client, url: &str) -> Result<String, ShopError> {
    let answer = client.get(url).send()?;
    Ok(http::check(answer)?.text()?)
}

#[retry(name = "price", max_attempts = 5, base_delay = "40ms", on_retry = account::on_retry)]
async fn price(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "stock", base_delay = "40ms", on_retry = account::on_retry)]
async fn stock(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "reserve", base_delay = "40ms", on_retry = account::on_retry)]
fn reserve(client: &blocking::Client, url: &str) -> Result<String, ShopError> {
    get_blocking(client, url)
}

#[retry(name = "export", base_delay = "40ms", on_retry = account::on_retry)]
fn export(client: &blocking::Client, url: &str) -> Result<String, ShopError> {
    get_blocking(client, url)
}

#[retry(
    name = "report",
    base_delay = "40ms",
    attempt_timeout = "300ms",
    on_retry = account::on_retry
)]
async fn report(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "product", base_delay = "40ms", on_retry = account::on_retry)]
async fn product(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(
    name = "order",
    max_attempts = 6,
    base_delay = "60ms",
    jitter = "equal",
    on_retry = story::during_a_crash
)]
async fn order(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "invoice", base_delay = "40ms", on_retry = account::on_retry)]
fn invoice(client: &blocking::Client, url: &str) -> Result<String, ShopError> {
    get_blocking(client, url)
}

#[retry(
    name = "delivery",
    max_attempts = 4,
    base_delay = "100ms",
    jitter = "none",
    deadline = "800ms",
    on_retry = account::on_retry
)]
async fn delivery(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "availability", max_attempts = 4, base_delay = "5ms")]
async fn availability(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[retry(name = "supplier", max_attempts = 4, base_delay = "5ms")]
async fn supplier(client: &Client, url: &str) -> Result<String, ShopError> {
    get(client, url).await
}

#[tokio::main]
async fn main() -> ExitCode {
    written::exit_code(story::tell().await)
}
