//! `cargo run --example payments`: a payment service on loopback dies under load and comes back, and
//! a circuit breaker below a retry keeps the load off it meanwhile.
//!
//! This file is what a program of yours would look like: an error type that says which failures may
//! be tried again, and a function with two attributes. The service and the load are in `outage.rs`,
//! what you read in the terminal is printed by `timeline.rs`.

mod outage;
mod timeline;

// What other examples use, too.
#[path = "../shared/service.rs"]
mod service;
#[path = "../shared/terminal.rs"]
mod terminal;
#[path = "../shared/written.rs"]
mod written;

use std::process::ExitCode;

use reqwest::Client;
use steadfast::{AttemptTimeout, CircuitOpen, Classify, circuit_breaker, http, retry};
use thiserror::Error;

use crate::outage::Wire;

/// What can go wrong between this program and the payment service.
#[derive(Debug, Error, Classify)]
enum PaymentError {
    /// No answer: connection refused, reset, broken.
    #[error(transparent)]
    #[classify(transparent)]
    Network(#[from] reqwest::Error),
    /// An answer with a failing status.
    #[error(transparent)]
    #[classify(transparent)]
    Status(#[from] http::StatusError),
    /// No answer within `attempt_timeout`.
    #[error("no answer in time")]
    #[retryable(kind = timeout)]
    TooSlow(#[from] AttemptTimeout),
    /// The breaker is open: nothing was sent.
    #[error(transparent)]
    #[classify(transparent)]
    Open(#[from] CircuitOpen),
}

/// One request, without any retrying.
async fn post(client: &Client, wire: &Wire) -> Result<(), PaymentError> {
    wire.sends();
    let answer = client.post(wire.url()).send().await?;
    http::check(answer)?;
    Ok(())
}

#[retry(name = "pay", max_attempts = 3, base_delay = "50ms", attempt_timeout = "1s")]
#[circuit_breaker(
    name = "payments",
    failure_threshold = 5,
    recovery_timeout = "300ms",
    recovery_factor = 2.0,
    max_recovery_timeout = "600ms",
    half_open_requests = 3
)]
async fn pay(client: &Client, wire: &Wire) -> Result<(), PaymentError> {
    post(client, wire).await
}

/// The same without a breaker, for comparison.
#[retry(name = "pay without breaker", base_delay = "50ms", attempt_timeout = "1s")]
async fn pay_without(client: &Client, wire: &Wire) -> Result<(), PaymentError> {
    post(client, wire).await
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let told = outage::run().await;
    written::exit_code(told.and_then(|outage| outage.as_written()))
}

#[cfg(test)]
mod tests {
    use steadfast::breaker::State;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_breaker_opens_saves_calls_probes_and_closes_when_the_service_is_back() {
        let outage = super::outage::run().await.unwrap();
        outage.as_written().unwrap();
        let states: Vec<_> = outage.transitions.iter().map(|(_, state)| *state).collect();
        // Open, at least one probe that failed, one that did not.
        assert_eq!(states[..3], [State::Open, State::HalfOpen, State::Open], "{states:?}");
        assert_eq!(states[states.len() - 2..], [State::HalfOpen, State::Closed], "{states:?}");
        let (with, without) = (&outage.with, &outage.without);
        assert_eq!(with.calls, without.calls);
        assert_eq!(without.rejected, 0);
        assert_eq!(with.calls, with.ok + with.failed + with.rejected, "each call ends once");
        assert!(with.rejected > 0);
        // The price: until a probe finds out that the service is back.
        assert!(with.rejected_while_up < with.rejected / 2, "{with:?}");
        // Retries without a breaker are held down by their budget, and still cost a multiple.
        assert!(with.sent_while_down * 5 < without.sent_while_down, "{with:?} {without:?}");
        assert_eq!(with.failed_after_recovery, 0, "{with:?}");
        assert!(with.ok_after_recovery > 10, "{with:?}");
        assert!(outage.took.as_secs() < 10, "{:?}", outage.took);
    }
}
