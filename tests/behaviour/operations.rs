//! The list of everything that is annotated.

use std::io;
use std::time::Duration;

use steadfast::{BudgetInfo, OperationInfo, RetryBudget, retry};

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
