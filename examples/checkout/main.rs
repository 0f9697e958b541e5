//! `cargo run --example checkout`: a bank charges first and then loses the answer, and every order is
//! charged exactly once. `--store` keeps the answers in Redis, in Postgres or in a file, and then the
//! program that charges is killed, too:
//!
//! ```text
//! cargo run --example checkout
//! cargo run --example checkout --all-features -- --store answers.redb
//! cargo run --example checkout --all-features -- --store redis://127.0.0.1/
//! cargo run --example checkout --all-features -- --store postgres://user:password@127.0.0.1/shop
//! ```
//!
//! This file is what a program of yours would look like: an error type that says which failures may
//! be tried again, and a function with three attributes. The bank is in `bank.rs`, the store in
//! `stores.rs`, the calls and what has to come of each in `story.rs`, what you read in the terminal is
//! printed by `account.rs`.

mod account;
mod bank;
mod stores;
mod story;
#[cfg(test)]
mod tests;

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

use clap::Parser;
use serde::{Deserialize, Serialize};
use steadfast::idempotency::IdempotencyError;
use steadfast::{AttemptTimeout, CircuitOpen, Classify, circuit_breaker, http, idempotent, retry};
use thiserror::Error;

use crate::bank::Bank;
use crate::stores::{Place, Store};

/// What the bank answers, and what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    number: u64,
    cents: u64,
}

/// What can go wrong between this program and the bank.
#[derive(Debug, Error, Classify)]
enum PaymentError {
    /// No answer: connection refused, reset, broken. The bank may have charged.
    #[error("{}", client::innermost(.0))]
    #[classify(transparent)]
    Network(#[from] reqwest::Error),
    /// An answer with a failing status.
    #[error("{}", .0.status())]
    #[classify(transparent)]
    Status(#[from] http::StatusError),
    /// An answer that is no receipt.
    #[error("the answer is no receipt: {0}")]
    #[retryable]
    Gibberish(#[from] serde_json::Error),
    /// No answer within `attempt_timeout`.
    #[error("no answer in time")]
    #[retryable(kind = timeout)]
    TooSlow(#[from] AttemptTimeout),
    /// The breaker is open: nothing was sent.
    #[error("circuit open, nothing sent")]
    #[classify(transparent)]
    Open(#[from] CircuitOpen),
    /// There is no answer of this call, and none of an earlier one.
    #[error("{}", account::unanswered(.0))]
    #[classify(transparent)]
    Idempotency(#[from] IdempotencyError),
}

/// Charges an order once, however often it is called, and wherever an earlier call ended.
///
/// The bank knows a charge again by its key: that is what `replay = "keyed"` says, and why a broken
/// connection may be tried again. Where a call vanished, the bank is asked what became of it.
#[idempotent(
    key = "order_{order_id}_payment",
    fingerprint(cents),
    store = store,
    ttl = "10m",
    lease = "2s",
    replay = "keyed",
    on_unknown = |key| bank.find(key)
)]
#[retry(
    name = "charge",
    max_attempts = 4,
    base_delay = "50ms",
    attempt_timeout = "5s",
    budget(tokens_per_second = 10, max_tokens = 20),
    context = attempt,
    on_retry = account::on_retry
)]
#[circuit_breaker(name = "bank", failure_threshold = 5, recovery_timeout = "500ms")]
async fn charge(
    store: &Store,
    bank: &Bank,
    order_id: u64,
    cents: u64,
) -> Result<Receipt, PaymentError> {
    bank.charge(order_id, cents, &attempt.idempotency_key()).await
}

/// Charges orders at a bank that loses its answers, each exactly once.
#[derive(Parser)]
struct Arguments {
    /// Where answers are kept: redis://…, postgres://… or a file.redb; else in memory
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// Charges the orders given by way of this bank, and is killed.
    #[arg(long, hide = true)]
    till: Option<String>,
    #[arg(hide = true)]
    orders: Vec<u64>,
}

impl Arguments {
    async fn run(self) -> Result<(), String> {
        let place = Place::parse(self.store.as_deref())?;
        match self.till {
            Some(bank) => story::till(&place, &bank, &self.orders).await,
            None => story::tell(&place).await.map(drop),
        }
    }
}

#[cfg(not(test))]
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    written::exit_code(Arguments::parse().run().await)
}

#[cfg(test)]
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    tests::run().await
}
