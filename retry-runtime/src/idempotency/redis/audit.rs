//! What the server's settings say against the promises of the store.

use std::collections::HashMap;

use super::link::Request;
use super::{RedisStore, errors};
use crate::idempotency::store::{StoreError, StoreErrorKind};

/// Seconds that a replica may lag behind before it is reported.
const LAG: u64 = 10;

/// The oldest server on which the scripts are tested and `SCAN` knows types.
const OLDEST: (u32, u32) = (6, 2);

impl RedisStore {
    pub(super) async fn findings(&self) -> Result<Vec<String>, StoreError> {
        let answer = self.ask(&Request::Command(&::redis::cmd("INFO"))).await?;
        let info: String = ::redis::from_redis_value(answer)
            .map_err(|error| errors::store_error(&error.into()))?;
        let mut findings = from_info(&info);

        let mut command = ::redis::cmd("CONFIG");
        command.arg("GET").arg("*");
        match self.ask(&Request::Command(&command)).await {
            Ok(answer) => {
                let config: HashMap<String, String> = ::redis::from_redis_value(answer)
                    .map_err(|error| errors::store_error(&error.into()))?;
                findings.extend(from_config(&config, &info, self.durable));
            }
            // Hosted servers keep their settings to themselves.
            Err(error) if error.kind() == StoreErrorKind::Refused => {
                findings.push(format!(
                    "its settings cannot be read ({error}): see that maxmemory-policy is \
                     noeviction, appendonly is yes, and min-replicas-to-write is 1 where there are \
                     replicas"
                ));
                findings.extend(eviction(field(&info, "maxmemory_policy")));
            }
            Err(error) => return Err(error),
        }
        Ok(findings)
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}

fn from_info(info: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let is = |name, value| field(info, name) == Some(value);

    // Valkey gives the version of Redis that it is compatible with.
    if let Some(version) = field(info, "redis_version") {
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found < OLDEST {
            let (major, minor) = OLDEST;
            findings.push(format!("version {version} is older than {major}.{minor}"));
        }
    }
    if is("role", "slave") {
        findings.push("it is a replica: it refuses writes, and what it reads is late".to_owned());
    }
    if is("cluster_enabled", "1") {
        findings.push(
            "it is one node of a cluster: keys of the other nodes are refused, since this store \
             follows no redirections"
                .to_owned(),
        );
    }
    if is("aof_last_write_status", "err") || is("rdb_last_bgsave_status", "err") {
        findings.push("its last write to disk failed".to_owned());
    }
    for (name, replica) in info.lines().filter_map(replica) {
        let lag = part(replica, "lag").and_then(|lag| lag.parse::<u64>().ok());
        match part(replica, "state") {
            Some("online") => {}
            state => findings
                .push(format!("replica {name} is not in step: {}", state.unwrap_or("unknown"))),
        }
        if let Some(lag) = lag.filter(|lag| *lag > LAG) {
            findings.push(format!("replica {name} lags {lag} s behind"));
        }
    }
    findings
}

/// `slave0:ip=…,port=…,state=online,offset=…,lag=0`
fn replica(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.trim_end().split_once(':')?;
    let number = name.strip_prefix("slave")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((number, rest))
}

fn part<'a>(replica: &'a str, name: &str) -> Option<&'a str> {
    replica.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn eviction(policy: Option<&str>) -> Option<String> {
    let policy = policy.filter(|policy| *policy != "noeviction")?;
    Some(format!(
        "maxmemory-policy is {policy}: records may be evicted, and what they recorded runs again; \
         set it to noeviction"
    ))
}

fn from_config(config: &HashMap<String, String>, info: &str, durable: bool) -> Vec<String> {
    let get = |name: &str| config.get(name).map(String::as_str);
    let mut findings = Vec::from_iter(eviction(get("maxmemory-policy")));

    let logged = get("appendonly") == Some("yes");
    let snapshots = get("save").is_some_and(|save| !save.is_empty());
    if !logged && !snapshots {
        findings.push(
            "nothing is written to disk: a restart loses every record, and what they recorded runs \
             again; set appendonly to yes"
                .to_owned(),
        );
    } else if !logged {
        findings.push(
            "only snapshots are written to disk: a restart loses the records since the last one; \
             set appendonly to yes"
                .to_owned(),
        );
    } else if durable && get("appendfsync") != Some("always") {
        findings.push(format!(
            "the store is said to be durable, and appendfsync is {}: a crash of the machine loses \
             the last records; set it to always",
            get("appendfsync").unwrap_or("not known")
        ));
    }

    let has_replicas = field(info, "connected_slaves").is_some_and(|count| count != "0");
    let needed = get("min-replicas-to-write").and_then(|count| count.parse::<u32>().ok());
    if has_replicas && needed.is_none_or(|count| count == 0) {
        findings.push(
            "a failover loses what its replicas do not have yet; set min-replicas-to-write to 1 to \
             bound that by min-replicas-max-lag"
                .to_owned(),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "# Server\r\nredis_version:7.2.4\r\nrole:master\r\nconnected_slaves:0\r\n\
                        cluster_enabled:0\r\naof_last_write_status:ok\r\n";

    fn config(settings: &[(&str, &str)]) -> HashMap<String, String> {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn safe() -> Vec<(&'static str, &'static str)> {
        vec![
            ("maxmemory-policy", "noeviction"),
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("save", ""),
            ("min-replicas-to-write", "0"),
        ]
    }

    fn with(name: &'static str, value: &'static str) -> HashMap<String, String> {
        let mut settings = safe();
        settings.retain(|(known, _)| *known != name);
        settings.push((name, value));
        config(&settings)
    }

    #[test]
    fn a_safe_server_is_clean() {
        assert_eq!(from_info(WELL), Vec::<String>::new());
        assert_eq!(from_config(&config(&safe()), WELL, true), Vec::<String>::new());
    }

    #[test]
    fn each_setting_that_breaks_a_promise_is_named_with_its_remedy() {
        let one = |config: &HashMap<String, String>, info: &str, durable: bool| {
            let findings = from_config(config, info, durable);
            assert_eq!(findings.len(), 1, "{findings:?}");
            findings[0].clone()
        };
        for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
            let finding = one(&with("maxmemory-policy", policy), WELL, false);
            assert!(finding.contains(policy) && finding.contains("noeviction"), "{finding}");
        }
        assert!(one(&with("appendonly", "no"), WELL, false).contains("nothing is written to disk"));
        assert!(one(&with("appendfsync", "everysec"), WELL, true).contains("everysec"));
        let replicas = WELL.replace("connected_slaves:0", "connected_slaves:1");
        assert!(one(&config(&safe()), &replicas, false).contains("min-replicas-to-write"));

        let mut snapshots = with("save", "3600 1");
        snapshots.insert("appendonly".to_owned(), "no".to_owned());
        assert!(one(&snapshots, WELL, false).contains("only snapshots"));
    }

    #[test]
    fn who_claims_nothing_may_fsync_every_second() {
        assert!(from_config(&with("appendfsync", "everysec"), WELL, false).is_empty());
    }

    #[test]
    fn old_versions_replicas_and_clusters_are_reported() {
        let one = |info: &str| {
            let findings = from_info(info);
            assert_eq!(findings.len(), 1, "{findings:?}");
            findings[0].clone()
        };
        assert!(one(&WELL.replace("7.2.4", "6.0.16")).contains("6.0.16"));
        assert!(from_info(&WELL.replace("7.2.4", "6.2.0")).is_empty());
        assert!(from_info(&WELL.replace("7.2.4", "10.0.1")).is_empty());
        assert!(one(&WELL.replace("role:master", "role:slave")).contains("replica"));
        assert!(one(&WELL.replace("cluster_enabled:0", "cluster_enabled:1")).contains("cluster"));
        assert!(one(&WELL.replace("status:ok", "status:err")).contains("disk"));
        let lagging = format!("{WELL}slave0:ip=10.0.0.1,port=1,state=online,offset=1,lag=42\r\n");
        assert!(one(&lagging).contains("42 s"));
        let away = format!("{WELL}slave0:ip=10.0.0.1,port=1,state=wait_bgsave,offset=1,lag=0\r\n");
        assert!(one(&away).contains("wait_bgsave"));
        // A field of the same beginning is none.
        assert!(from_info(&format!("{WELL}slave_expires_tracked_keys:0\r\n")).is_empty());
    }
}
