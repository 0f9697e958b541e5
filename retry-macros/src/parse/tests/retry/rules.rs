//! Which errors are retried: the entries of `on` and `not_on`, and what decides instead of them.

use super::{accepted, refused};
use crate::diagnostics::source;
use crate::model::{Entry, Retry, Rule};

pub(super) fn on_of(model: &Retry) -> &[Entry] {
    match &model.rule.as_ref().expect("a rule").value {
        Rule::On(entries) => entries,
        _ => panic!("another rule than `on`"),
    }
}

fn describe(entry: &Entry) -> String {
    match entry {
        Entry::Type(ty) => format!("type {}", source(ty)),
        Entry::Variant { owner, variant } => {
            format!("variant {} of {}", source(variant), source(owner))
        }
        Entry::Pattern { owner, pattern } => match owner {
            Some(owner) => format!("pattern {} of {}", source(pattern), source(owner)),
            None => format!("pattern {}", source(pattern)),
        },
    }
}

#[test]
fn entries_are_told_apart_by_how_they_are_written() {
    let model = accepted(
        "on = [TimeoutError, io::Error, Wrapped<A, B>, ApiError::Timeout, io::ErrorKind::TimedOut, \
         Self::Gone, <E as Trait>::Error, Http { status: 500..=599, .. }, ApiError::Status(503), \
         500..=599, ApiError::A | ApiError::B { .. }, is(module::Lower::Type), status @ 503, \
         Generic::<A>::Variant, Box<dyn Error + Send>, (A, _),]",
    );
    let entries: Vec<String> = on_of(&model).iter().map(describe).collect();
    assert_eq!(
        entries,
        [
            "type TimeoutError",
            "type io::Error",
            "type Wrapped<A, B>",
            "variant ApiError::Timeout of ApiError",
            "variant io::ErrorKind::TimedOut of io::ErrorKind",
            "variant Self::Gone of Self",
            "type <E as Trait>::Error",
            "pattern Http { status: 500..=599, .. } of Http",
            "pattern ApiError::Status(503) of ApiError",
            "pattern 500..=599",
            "pattern ApiError::A | ApiError::B { .. } of ApiError",
            "type module::Lower::Type",
            "pattern status@503",
            "variant Generic::<A>::Variant of Generic::<A>",
            "type Box<dyn Error + Send>",
            "pattern (A, _)",
        ]
    );
}

#[test]
fn on_any_retries_every_error() {
    assert!(matches!(accepted("on = any").rule.unwrap().value, Rule::Any));
    assert!(matches!(accepted("classify = c").rule.unwrap().value, Rule::Classify(_)));
}

#[test]
fn one_rule_decides() {
    refused(
        "on = [A], when = w",
        "`on` and `when` both decide which errors are retried",
        "keep one of `on` and `when`",
    );
    refused(
        "classify = c, on = any",
        "`classify` and `on` both decide which errors are retried",
        "keep one of `classify` and `on`",
    );
    refused(
        "on = [A, B], not_on = [B]",
        "`B` is listed in `on` and in `not_on`",
        "keep it in one of the two; `not_on` beats `on`",
    );
}

#[test]
fn lists_of_errors_are_refused_with_words() {
    let any = "write `on = any` to retry every error";
    for (args, what, help) in [
        (
            "on = TimeoutError",
            "`on` needs a list in brackets, found the path `TimeoutError`",
            "write `on = [TimeoutError]`",
        ),
        ("on(A, B)", "`on` needs a list behind `=`, found `(A, B)`", "write `on = [A, B]`"),
        (
            "on = (A, B)",
            "`on` needs a list in brackets, found the tuple `(A, B)`",
            "write `on = [A, B]`",
        ),
        (
            "on = \"TimeoutError\"",
            "`on` needs a list in brackets, found the string \"TimeoutError\"",
            "write `on = [TimeoutError]`",
        ),
        (
            "on = |e| e.is_it()",
            "`on` needs a list in brackets, found the closure `|e| e.is_it()`",
            "write `when = |e| e.is_it()`",
        ),
        (
            "on = []",
            "`on = []` lists nothing",
            "write `on = [TimeoutError]`, or `on = any` for every error",
        ),
        (
            "not_on = []",
            "`not_on = []` lists nothing",
            "write `not_on = [NotFound]`, or remove `not_on`",
        ),
        ("on = [A, B, A]", "`A` is listed twice in `on`", "remove one of the two"),
        ("on = [_]", "the entry `_` of `on` matches every error", any),
        ("on = [any]", "the entry `any` of `on` matches every error", any),
        ("on = [A { .. } | other]", "the entry `other` of `on` matches every error", any),
        (
            "on = [Http(x) if x == 3]",
            "an entry of `on` takes no `if`, found `if x == 3`",
            "write `when = |error| matches!(error, Http(x) if x == 3)`",
        ),
        (
            "on = [A(_) | B(_)]",
            "the cases `A(_)` and `B(_)` of one pattern belong to different types",
            "write them as entries of their own: `on = [A(_), B(_)]`",
        ),
        (
            "on = [&'static str]",
            "an entry of `on` is a type, a variant or a pattern, found `&'static str`",
            "write `on = [is(&'static str)]`",
        ),
        (
            "on = [|e| e.is_it()]",
            "an entry of `on` is a type, a variant or a pattern, found `|e| e.is_it()`",
            "write `when = |e| e.is_it()`",
        ),
        (
            "on = [is(A, B)]",
            "`is(…)` needs one type, found `A, B`",
            "write `on = [is(path::Type)]`",
        ),
        ("on = [A,, B]", "an entry of `on` is missing before this comma", "remove the comma"),
        (
            "not_on = any",
            "`not_on = any` would never retry",
            "remove the attribute, or list what is not retried",
        ),
    ] {
        refused(args, what, help);
    }
}
