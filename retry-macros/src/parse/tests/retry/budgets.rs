//! `budget`: its three forms, and what can never be filled.

use super::{accepted, refused};
use crate::diagnostics::source;
use crate::model::Budget;

#[test]
fn budgets_come_in_three_forms() {
    assert!(matches!(accepted("budget = B").budget.unwrap().value, Budget::Path(_)));
    let inline = |args| match accepted(args).budget.unwrap().value {
        Budget::Inline(inline) => inline,
        _ => panic!("no inline budget"),
    };
    let budget =
        inline(r#"budget(ratio = 1, max_tokens = 10, name = "p", key = "{tenant}-{{x}}")"#);
    assert_eq!(source(&budget.ratio.unwrap().value), "1.0");
    assert!(budget.name.is_some() && budget.key.is_some() && budget.max_tokens.is_some());
    assert!(inline("budget(tokens_per_second = 0.5)").tokens_per_second.is_some());
}

#[test]
fn budgets_can_be_filled() {
    for (args, what, help) in [
        (
            "budget()",
            "`budget()` says nothing",
            "write `budget(tokens_per_second = 10, max_tokens = 50)`",
        ),
        (
            "budget = None",
            "`budget` needs `none` in lower case, found the path `None`",
            "write `budget = none`",
        ),
        (
            "budget = RetryBudget::new(1, 2)",
            "`budget` needs the path of a `static RetryBudget`, or `none`, found the call \
             `RetryBudget::new(1, 2)`",
            "write `budget(tokens_per_second = 10, max_tokens = 50)`",
        ),
        (
            "budget = budget(ratio = 1)",
            "`budget(…)` stands without `budget =`, found the call `budget(ratio = 1)`",
            "write `budget(ratio = 1)`",
        ),
        (
            "budget = false",
            "`budget` needs the path of a `static RetryBudget`, or `none`, found the boolean false",
            "write `budget = none`",
        ),
        (
            "budget(ratio = 1.5)",
            "`ratio` must be between 0 and 1, found 1.5",
            "write `ratio = 0.2`",
        ),
        (
            "budget(ratio = f64::NAN)",
            "`ratio` must be finite, found `f64::NAN`",
            "write `ratio = 0.2`",
        ),
        (
            "budget(tokens_per_second = -1)",
            "`tokens_per_second` must be at least 0, found -1",
            "write `tokens_per_second = 10`",
        ),
        (
            "budget(max_tokens = 0)",
            "`max_tokens` must be at least 1, found 0",
            "write `max_tokens = 50`",
        ),
        ("budget(capacity = 7)", "`budget` has no option `capacity`", "write `max_tokens = 7`"),
        (
            "budget(ratio = 0.1, ratio = 0.2)",
            "`ratio` is given twice",
            "keep one `ratio` and remove the other",
        ),
        (
            "budget(ratio = 0, max_tokens = 5)",
            "a budget with `ratio = 0` is never filled again",
            "write `ratio = 0.2`, or `budget = none` for no budget",
        ),
        (
            "budget(key = \"{user}\")",
            "`{user}` in `key` names no argument of the function",
            "the arguments are `self`, `url` and `tenant`",
        ),
        (
            "budget(key = \"{tenant:?}\")",
            "`{tenant:?}` in `key` names no argument of the function",
            "write `{tenant}`",
        ),
        (
            "budget(key = \"all\")",
            "`key` names no argument, found \"all\"",
            "the arguments are `self`, `url` and `tenant`",
        ),
        (
            "budget(key = \"{tenant\")",
            "`key` has a `{` that is never closed, found \"{tenant\"",
            "write `{{` for a brace in the text",
        ),
    ] {
        refused(args, what, help);
    }
}
