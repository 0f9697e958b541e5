//! The dashboard and the alerts name what the code emits, and nothing else.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{AggregateExpr, Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;
use steadfast::KeyResult;
use steadfast::metrics::{METRICS, Metric, OUTCOMES, RESULTS};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("observability").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Labels that Prometheus adds.
const ADDED: [&str; 2] = ["job", "instance"];

/// What a query asks for that is not emitted.
#[derive(Default)]
struct Check {
    /// Names that rules of the same file record, with their labels.
    recorded: Vec<(String, Vec<String>)>,
    faults: Vec<String>,
    used: BTreeSet<&'static str>,
}

impl Check {
    /// The metric of a series, and whether it is a histogram's bucket.
    fn metric(name: &str) -> Option<(&'static Metric, bool)> {
        static ALL: [Metric; METRICS.len()] = METRICS;
        let bucket = name.strip_suffix("_bucket");
        ALL.iter()
            .find(|metric| match bucket {
                Some(name) => metric.kind == "histogram" && metric.name == name,
                None => metric.kind != "histogram" && metric.name == name,
            })
            .map(|metric| (metric, bucket.is_some()))
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let name = selector.name.as_deref().unwrap_or_default();
        let labels = if let Some((metric, bucket)) = Self::metric(name) {
            self.used.insert(metric.name);
            let le = bucket.then_some("le");
            metric.labels.iter().copied().chain(ADDED).chain(le).map(str::to_owned).collect()
        } else if let Some((_, labels)) = self.recorded.iter().find(|(known, _)| known == name) {
            labels.clone()
        } else {
            return self.faults.push(format!("nothing is called `{name}`"));
        };
        for matcher in &selector.matchers.matchers {
            if !labels.contains(&matcher.name) {
                self.faults.push(format!("`{name}` has no label `{}`", matcher.name));
            }
            self.values(name, matcher);
        }
    }

    /// The words that a label is compared with are among those that it can have.
    fn values(&mut self, metric: &str, matcher: &Matcher) {
        let known: Vec<&str> = match (metric, matcher.name.as_str()) {
            ("steadfast_idempotency_total", "result") => {
                KeyResult::ALL.iter().map(|result| result.as_str()).collect()
            }
            (_, "result") => RESULTS.to_vec(),
            (_, "outcome") => OUTCOMES.to_vec(),
            (_, "from" | "to") => {
                vec!["closed", "half_open", "open", "forced_open", "forced_closed", "disabled"]
            }
            _ => return,
        };
        let words: Vec<&str> = match &matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
            MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
        };
        for word in words {
            if !known.contains(&word) {
                self.faults.push(format!("`{}` is never `{word}`", matcher.name));
            }
        }
    }
}

/// Metrics and labels below an aggregation.
#[derive(Default)]
struct Below(BTreeSet<String>);

impl ExprVisitor for Below {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return Ok(true),
        };
        self.0.insert(selector.name.clone().unwrap_or_default());
        Ok(true)
    }
}

impl ExprVisitor for Check {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(AggregateExpr { expr, modifier: Some(by), .. }) => {
                let mut below = Below::default();
                walk_expr(&mut below, expr)?;
                for name in below.0 {
                    let Some((metric, bucket)) = Self::metric(&name) else { continue };
                    for label in &by.labels().labels {
                        let known = metric.labels.contains(&label.as_str())
                            || ADDED.contains(&label.as_str())
                            || (bucket && label == "le");
                        if !known {
                            self.faults.push(format!("`{name}` cannot be split by `{label}`"));
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// Checks a query; Grafana's variables stand for a window and for anything.
fn check(check: &mut Check, query: &str) -> Expr {
    let query = query.replace("$__rate_interval", "5m");
    let expr = parse(&query).unwrap_or_else(|error| panic!("{error} in {query}"));
    walk_expr(check, &expr).unwrap();
    expr
}

fn all_used(check: &Check) -> bool {
    check.used.len() == METRICS.len()
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut found = Check::default();
    let (mut ids, mut queries) = (BTreeSet::new(), 0);
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "one id twice");
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()));
        for target in panel["targets"].as_array().into_iter().flatten() {
            check(&mut found, target["expr"].as_str().unwrap());
            queries += 1;
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        // `label_values(metric{…}, label)`
        if let Some(query) = variable["query"]["query"].as_str() {
            let inside = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
            let (metric, label) = inside.rsplit_once(", ").unwrap();
            check(&mut found, &format!("sum by ({label}) ({metric})"));
        }
    }
    assert_eq!(found.faults, [""; 0]);
    assert!(all_used(&found), "not on the dashboard: {:?}", METRICS.map(|metric| metric.name));
    assert!(queries >= 15, "{queries}");
}

#[test]
fn panels_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let mut cells = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "{} covers another at {x},{y}", panel["title"]);
            }
        }
    }
}

#[test]
fn the_alerts_ask_for_what_is_emitted() {
    let file: Value = serde_saphyr::from_str(&read("alerts.yml")).unwrap();
    let mut found = Check::default();
    let mut alerts = BTreeSet::new();
    for group in file["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            let expr = check(&mut found, rule["expr"].as_str().unwrap());
            if let Some(record) = rule["record"].as_str() {
                assert!(matches!(expr, Expr::Binary(_)), "{record}");
                let labels = ["job", "operation"].map(str::to_owned).to_vec();
                found.recorded.push((record.to_owned(), labels));
                continue;
            }
            let alert = rule["alert"].as_str().unwrap();
            assert!(alert.starts_with("Steadfast") && alerts.insert(alert), "{alert}");
            assert!(
                ["warning", "critical"].contains(&rule["labels"]["severity"].as_str().unwrap())
            );
            for words in ["summary", "description"] {
                assert!(rule["annotations"][words].as_str().is_some(), "{alert} has no {words}");
            }
        }
    }
    assert_eq!(found.faults, [""; 0]);
    for alert in [
        "SteadfastRetryRateHigh",
        "SteadfastRetriesInVain",
        "SteadfastLoadAmplified",
        "SteadfastBreakerOpen",
        "SteadfastBudgetEmpty",
    ] {
        assert!(alerts.contains(alert), "{alert}");
    }
    // Each is tried out by `promtool test rules`.
    let tests = read("alerts.test.yml");
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}\n")), "{alert} has no test");
    }
}

#[test]
fn a_query_for_what_is_not_emitted_is_noticed() {
    for (query, fault) in [
        ("steadfast_call_total", "nothing is called `steadfast_call_total`"),
        ("rate(steadfast_calls_total{result=\"okay\"}[5m])", "`result` is never `okay`"),
        (
            "steadfast_budget_tokens{operation=\"x\"}",
            "`steadfast_budget_tokens` has no label `operation`",
        ),
        (
            "sum by (result) (steadfast_attempts_total)",
            "`steadfast_attempts_total` cannot be split by `result`",
        ),
        ("steadfast_retry_delay_seconds", "nothing is called `steadfast_retry_delay_seconds`"),
    ] {
        let mut found = Check::default();
        check(&mut found, query);
        assert_eq!(found.faults, [fault]);
    }
}

/// Prometheus's own tool, where it is installed: what the tests above cannot know is how an alert
/// behaves over time.
#[test]
fn promtool_accepts_the_alerts_and_their_tests_pass() {
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(path("")).output();
        match output {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{arguments:?}: {said}");
            }
            Err(error) => eprintln!("promtool is not installed ({error}): rules parsed only"),
        }
    }
}
