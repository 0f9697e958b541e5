//! The snapshot of a process, as it comes over the wire.

use std::collections::BTreeMap;
use std::error::Error;

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) operations: Vec<Operation>,
    pub(crate) breakers: Vec<Breaker>,
    pub(crate) budgets: Vec<Budget>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) calls: u64,
    pub(crate) attempts: u64,
    pub(crate) results: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Breaker {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) consecutive_failures: u32,
    pub(crate) rejected: u64,
    pub(crate) seconds_until_half_open: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Budget {
    pub(crate) name: String,
    pub(crate) tokens: u64,
    pub(crate) max_tokens: Option<u64>,
}

impl Operation {
    /// Two of one name are told apart by where they stand.
    pub(crate) fn key(&self) -> (&str, &str, u32) {
        (&self.name, &self.file, self.line)
    }

    /// Calls with one of these results.
    pub(crate) fn ended(&self, results: &[&str]) -> u64 {
        results.iter().filter_map(|result| self.results.get(*result)).sum()
    }
}

pub(crate) async fn read(
    client: &reqwest::Client,
    url: &str,
) -> Result<Snapshot, Box<dyn Error + Send + Sync>> {
    let answer = client.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}
