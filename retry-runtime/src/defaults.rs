//! Every default in one place, each with its reason.

use std::time::Duration;

/// Calls of the body in total. Two retries heal a blip; more of them mostly add load.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// First delay before jitter. Shorter than a typical fail-over is wasted, longer is felt.
pub(crate) const BASE_DELAY: Duration = Duration::from_secs(1);

/// Ceiling of every delay, and of the server's hints that are followed.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(60);

/// Growth of the exponential schedule: `1s, 2s, 4s, …`.
pub(crate) const FACTOR: f64 = 2.0;

/// Tokens that one call adds to the default budget: a total outage costs 1.2 times the normal load.
pub(crate) const BUDGET_PER_CALL_BILLIONTHS: u64 = 200_000_000;

/// Over this long the calls of a function size its default budget.
pub(crate) const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// One token each two minutes beside, so that a client of one call an hour keeps its retries. Twice as
/// much, and 200 processes of one call in four seconds recovered from an overload in 39 of 40 runs
/// instead of all (the experiment E6).
pub(crate) const BUDGET_TOKENS_PER_SECOND: f64 = 1.0 / 120.0;

/// Log lines a second of one operation before they are summed up.
pub(crate) const LOG_LIMIT: u32 = 10;
