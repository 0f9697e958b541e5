//! The list of everything that is annotated, what is found wrong with it, and what is counted.

use std::io;
use std::time::Duration;

use steadfast::{BudgetInfo, FindingKind, OperationInfo, RetryBudget, retry, testing};

static SHARED: RetryBudget = RetryBudget::new(1.0, 7);

/// The one operation of this file whose name ends so.
fn listed(name: &str) -> OperationInfo {
    let operations = steadfast::operations().operations;
    let mine = operations
        .into_iter()
        .filter(|operation| operation.file == file!() && operation.name.ends_with(name));
    let [operation] = &mine.collect::<Vec<_>>()[..] else { panic!("not exactly one `{name}`") };
    operation.clone()
}

#[retry(max_attempts = 5, base_delay = "200ms", max_delay = "5s", budget = self::SHARED)]
fn never_called() -> io::Result<()> {
    Ok(())
}

#[test]
fn a_function_that_was_never_called_is_listed_with_its_policy() {
    assert!(steadfast::operations().registered_at_link_time());
    let operation = listed("::never_called");
    assert_eq!(operation.name, concat!(module_path!(), "::never_called"));
    assert_eq!(operation.line, line!() - 10);
    assert!(!operation.is_async);
    let retry = operation.retry.unwrap();
    assert_eq!((retry.max_attempts, retry.backoff), (5, "exponential"));
    assert_eq!(retry.first_delay, Duration::from_millis(200));
    assert_eq!(retry.budget, BudgetInfo::Shared { name: Some("self::SHARED"), max_tokens: 7 });
    let worst = operation.worst_case.unwrap();
    assert_eq!((worst.calls, worst.duration), (5, None));
    assert_eq!(worst.delays, Duration::from_millis(200 + 400 + 800 + 1600));
}

#[retry(deadline = "10s", budget(name = "listed", max_tokens = 3))]
async fn generic_never_instantiated<T: Send>(_: T) -> io::Result<T> {
    Err(io::ErrorKind::TimedOut.into())
}

#[test]
fn a_generic_function_is_listed_once_whether_or_not_it_is_instantiated() {
    #[retry(max_attempts = N)]
    fn by_const<const N: u32>() -> io::Result<u32> {
        Ok(N)
    }
    let operation = listed("::generic_never_instantiated");
    assert!(operation.is_async);
    let worst = operation.worst_case.unwrap();
    assert_eq!(worst.duration, Some(Duration::from_secs(10)));
    assert_eq!(
        operation.retry.unwrap().budget,
        BudgetInfo::Named { name: "listed", max_tokens: 3 }
    );
    assert_eq!((by_const::<2>().unwrap(), by_const::<3>().unwrap()), (2, 3));
    let operation = listed("::by_const");
    assert!(operation.retry.is_none() && operation.worst_case.is_none(), "{operation:?}");
}

struct Client;

trait Service {
    fn of_a_trait(&self) -> io::Result<u32>;

    #[retry]
    fn by_default_of_a_trait(&self) -> io::Result<u32> {
        self.of_a_trait()
    }
}

impl Service for Client {
    #[retry]
    fn of_a_trait(&self) -> io::Result<u32> {
        Ok(1)
    }
}

impl Client {
    #[retry]
    async fn method(&self) -> io::Result<u32> {
        Ok(2)
    }
}

macro_rules! made {
    ($name:ident) => {
        #[retry]
        fn $name() -> io::Result<u32> {
            Ok(3)
        }
    };
}

made!(of_a_macro);

#[tokio::test]
async fn methods_traits_nested_functions_and_functions_of_macros_are_listed() {
    fn outer() -> io::Result<u32> {
        #[retry]
        fn inside_a_function() -> io::Result<u32> {
            Ok(4)
        }
        inside_a_function()
    }
    assert_eq!(Client.by_default_of_a_trait().unwrap() + Client.method().await.unwrap(), 3);
    assert_eq!(of_a_macro().unwrap() + outer().unwrap(), 7);
    for name in ["of_a_trait", "by_default_of_a_trait", "method", "of_a_macro", "inside_a_function"]
    {
        listed(&format!("::{name}"));
    }
}

#[test]
fn two_of_one_name_are_told_apart_by_their_lines() {
    #[retry(name = "twins")]
    fn one() -> io::Result<()> {
        Ok(())
    }
    #[retry(name = "twins")]
    fn other() -> io::Result<()> {
        Ok(())
    }
    one().unwrap();
    other().unwrap();
    let operations = steadfast::operations();
    let lines: Vec<_> = operations.named("twins").map(|operation| operation.line).collect();
    assert_eq!(lines, [line!() - 12, line!() - 8]);
}

#[test]
fn the_table_has_a_line_for_each_and_says_where_it_stands() {
    let table = steadfast::operations().to_string();
    let line = table.lines().find(|line| line.contains("::never_called")).unwrap();
    let cells = ["5 × exponential 200ms..5s", "self::SHARED (7)", "tests/behaviour/operations.rs:"];
    for cell in cells {
        assert!(line.contains(cell), "{line}");
    }
    assert!(!table.contains("only functions that have failed"), "{table}");
}

#[retry(jitter = "none", budget = none, nested = "allow", name = "harmful")]
async fn harmful() -> io::Result<()> {
    Ok(())
}

#[test]
fn the_audit_finds_what_makes_retries_harm_and_says_what_to_write() {
    drop(harmful());
    let audit = steadfast::audit();
    let mine: Vec<_> =
        audit.findings().into_iter().filter(|finding| finding.subject == "harmful").collect();
    let kinds: Vec<_> = mine.iter().map(|finding| finding.kind).collect();
    assert_eq!(
        kinds,
        [
            FindingKind::Unbounded,
            FindingKind::NestedAllowed,
            FindingKind::NoJitter,
            FindingKind::NoBudget,
        ]
    );
    for finding in &mine {
        assert!(!finding.help.is_empty() && finding.places[0].0 == file!(), "{finding}");
    }
    assert!(!audit.is_clean());
    let panic = std::panic::catch_unwind(|| audit.assert_clean()).unwrap_err();
    let words = panic.downcast::<String>().unwrap();
    assert!(words.contains("warning: `harmful` retries without a budget"), "{words}");
    assert!(!words.contains("`a_function_that_is_fine`"), "{words}");
}

#[test]
fn a_function_that_only_ever_succeeded_is_in_the_snapshot() {
    // Outside of any scope.
    #[retry(name = "always succeeds")]
    fn succeeds() -> io::Result<()> {
        Ok(())
    }
    #[retry(name = "never called")]
    fn other() -> io::Result<()> {
        succeeds()
    }
    for _ in 0..3 {
        succeeds().unwrap();
    }
    let snapshot = steadfast::snapshot();
    let found = snapshot.operations.iter().find(|operation| operation.name == "always succeeds");
    assert_eq!(found.map(|operation| (operation.calls, operation.ok)), Some((3, 3)));
    assert!(!snapshot.to_string().contains("never called"));
    let _: fn() -> io::Result<()> = other;
}

#[test]
fn a_snapshot_tells_what_retrying_was_good_for() {
    #[retry(name = "flaky", jitter = "none", budget = self::SHARED, max_attempts = 4)]
    fn flaky(calls: &mut u32, heal_at: u32) -> io::Result<()> {
        *calls += 1;
        if *calls < heal_at { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
    let _scope = testing::scope();
    for heal_at in [1, 1, 1, 2, 3, 9] {
        let _ = flaky(&mut 0, heal_at);
    }
    let snapshot = steadfast::snapshot();
    let [operation] = &snapshot.operations[..] else { panic!("{snapshot}") };
    assert_eq!((operation.calls, operation.attempts), (6, 3 + 2 + 3 + 4));
    assert_eq!(operation.results(), [("ok", 3), ("ok_retried", 2), ("exhausted", 1)]);
    assert_eq!(operation.ok_retried[..3], [1, 1, 0]);
    assert_eq!(operation.slept, Duration::from_secs(1 + 3 + 7));
    assert!((operation.retry_rate() - 1.0).abs() < 1e-9);
    assert!((operation.amplification() - 2.0).abs() < 1e-9);
    assert!((operation.success_after_retry() - 2.0 / 3.0).abs() < 1e-9);
    // A token a second came back while it slept.
    let budgets: Vec<_> =
        snapshot.budgets.iter().map(|b| (b.name, b.tokens, b.max_tokens)).collect();
    assert_eq!(budgets, [("self::SHARED", 7, Some(7))]);
    let table = snapshot.to_string();
    for cells in ["flaky", "100%", "2.00×", "exhausted 1", "self::SHARED"] {
        assert!(table.contains(cells), "{table}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_snapshot_serialises_with_its_rates() {
    #[retry(name = "written", jitter = "none", max_attempts = 2)]
    fn written() -> io::Result<()> {
        Err(io::ErrorKind::TimedOut.into())
    }
    let _scope = testing::scope();
    let _ = written();
    let json = serde_json::to_value(steadfast::snapshot()).unwrap();
    let operation = &json["operations"][0];
    assert_eq!(operation["results"], serde_json::json!({ "exhausted": 1 }));
    assert_eq!(operation["amplification"], 2.0);
    assert_eq!(operation["slept_seconds"], 1.0);
    assert_eq!(json["budgets"][0]["name"], "written");
    let listed = serde_json::to_value(steadfast::operations()).unwrap();
    assert_eq!(listed["registered_at_link_time"], true);
    let operations = listed["operations"].as_array().unwrap();
    let listed = operations.iter().find(|operation| operation["name"] == "harmful").unwrap();
    assert_eq!(listed["retry"]["nested"], "allow");
}
