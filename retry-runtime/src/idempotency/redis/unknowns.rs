//! Listing unknown records: a walk through the keys, which keeps no more than it was asked for.

use std::collections::BTreeMap;

use ::redis::{Pipeline, Value};

use super::link::Request;
use super::scripts::Operation;
use super::{RedisStore, errors, reply, scripts};
use crate::idempotency::store::{Record, StoreError};

/// Keys that the server looks at in one step.
const STEP: u32 = 1000;

impl RedisStore {
    pub(super) async fn list_unknowns(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut found = BTreeMap::new();
        if most == 0 {
            return Ok(Vec::new());
        }
        let pattern = [escaped(&self.prefix).as_str(), "*"].concat();
        let mut cursor = "0".to_owned();
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
            scan.arg("TYPE").arg("hash");
            let answer = self.ask(&Request::Command(&scan)).await?;
            let (next, keys): (String, Vec<Vec<u8>>) = ::redis::from_redis_value(answer)
                .map_err(|error| errors::store_error(&error.into()))?;

            let wanted = |key: &str, found: &BTreeMap<String, Record>| {
                after.is_none_or(|after| key > after)
                    && !found.contains_key(key)
                    && (found.len() < most
                        || found.last_key_value().is_some_and(|(last, _)| key < last.as_str()))
            };
            let keys: Vec<String> = keys
                .into_iter()
                // Keys of ours are text.
                .filter_map(|key| String::from_utf8(key).ok())
                .filter_map(|key| key.strip_prefix(&*self.prefix).map(str::to_owned))
                .filter(|key| wanted(key, &found))
                .collect();
            for record in self.unknown_among(keys).await? {
                found.insert(record.key.clone(), record);
                if found.len() > most {
                    found.pop_last();
                }
            }
            if next == "0" {
                return Ok(found.into_values().collect());
            }
            cursor = next;
        }
    }

    async fn unknown_among(&self, keys: Vec<String>) -> Result<Vec<Record>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut calls = Pipeline::with_capacity(keys.len());
        calls.ignore_errors();
        for key in &keys {
            calls.add_command(scripts::peek(&self.key(key), Some("u")));
        }
        let script = Operation::Peek.script();
        let answers = match self.ask(&Request::Scripts { script, calls: &calls }).await? {
            Value::Array(answers) => answers,
            _ => Vec::new(),
        };
        let records = keys.iter().zip(answers);
        Ok(records.filter_map(|(key, answer)| reply::record(answer, key).ok().flatten()).collect())
    }
}

/// Without what a pattern of Redis reads as anything but itself.
fn escaped(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len());
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_prefix_matches_only_itself() {
        assert_eq!(super::escaped("a*b?[c]\\^:"), "a\\*b\\?\\[c\\]\\\\\\^:");
    }
}
