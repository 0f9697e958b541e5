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
#[path = "../shared/paint.rs"]
mod paint;
#[path = "../shared/service.rs"]
mod service;
mod stores;
mod story;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::{fmt, io};

use clap::Parser;
use serde::{Deserialize, Serialize};
use steadfast::idempotency::IdempotencyError;
use steadfast::{AttemptTimeout, CircuitOpen, Classify, circuit_breaker, http, idempotent, retry};

use crate::bank::Bank;
use crate::stores::{Place, Store};

/// What the bank answers, and what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    number: u64,
    cents: u64,
}

/// What can go wrong between this program and the bank.
#[derive(Debug, Classify)]
enum PaymentError {
    /// No answer: connection refused, reset, broken. The bank may have charged.
    #[classify(transparent)]
    Network(reqwest::Error),
    /// An answer with a failing status.
    #[classify(transparent)]
    Status(http::StatusError),
    /// An answer that is no receipt.
    #[retryable]
    Gibberish(serde_json::Error),
    /// No answer within `attempt_timeout`.
    #[retryable(kind = timeout)]
    TooSlow,
    /// The breaker is open: nothing was sent.
    #[classify(transparent)]
    Open(CircuitOpen),
    /// There is no answer of this call, and none of an earlier one.
    #[classify(transparent)]
    Idempotency(IdempotencyError),
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
    exit_code(Arguments::parse().run().await)
}

#[cfg(test)]
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    tests::run().await
}

fn exit_code(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

impl From<reqwest::Error> for PaymentError {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error)
    }
}

impl From<http::StatusError> for PaymentError {
    fn from(error: http::StatusError) -> Self {
        Self::Status(error)
    }
}

impl From<serde_json::Error> for PaymentError {
    fn from(error: serde_json::Error) -> Self {
        Self::Gibberish(error)
    }
}

impl From<AttemptTimeout> for PaymentError {
    fn from(_: AttemptTimeout) -> Self {
        Self::TooSlow
    }
}

impl From<CircuitOpen> for PaymentError {
    fn from(open: CircuitOpen) -> Self {
        Self::Open(open)
    }
}

impl From<IdempotencyError> for PaymentError {
    fn from(error: IdempotencyError) -> Self {
        Self::Idempotency(error)
    }
}

impl std::error::Error for PaymentError {}

impl fmt::Display for PaymentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(error) => f.write_str(&innermost(error)),
            Self::Status(error) => error.status().fmt(f),
            Self::Gibberish(error) => write!(f, "the answer is no receipt: {error}"),
            Self::TooSlow => f.write_str("no answer in time"),
            Self::Open(_) => f.write_str("circuit open, nothing sent"),
            Self::Idempotency(IdempotencyError::Unknown { .. }) => {
                f.write_str("unknown whether it was charged")
            }
            Self::Idempotency(error) => error.fmt(f),
        }
    }
}

/// The end of the chain says what happened on the wire; the errors around it say where it was seen.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<io::Error>() {
        Some(error) => error.kind().to_string(),
        None => last.to_string(),
    }
}
