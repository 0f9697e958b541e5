//! Errors that the attribute has to look into: borrowing ones, shared ones, reports.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use steadfast::{Classification, Classify, classify_as, retry, testing};

/// An error that borrows from the function's argument.
#[derive(Debug)]
enum ParseError<'a> {
    Busy(&'a str),
    Bad,
    Read(io::Error),
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parsing")
    }
}

impl Error for ParseError<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}

fn parse<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    calls.set(calls.get() + 1);
    Err(match text {
        "timeout" => ParseError::Read(ErrorKind::TimedOut.into()),
        "busy" | "full" => ParseError::Busy(text),
        _ => ParseError::Bad,
    })
}

#[retry(on = [ParseError::Busy], budget = none)]
fn variant<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(on = [ParseError], budget = none)]
fn by_type<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(on = [ParseError::Busy("busy")], not_on = [io::Error], budget = none)]
async fn pattern<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(on = [io::ErrorKind::TimedOut], budget = none)]
fn wrapped<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(on = any, budget = none)]
fn any<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(when = |error| matches!(error, ParseError::Busy(_)), budget = none)]
fn when<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

#[retry(classify = |error| match error {
    ParseError::Busy(_) => Classification::retryable(),
    _ => Classification::permanent(),
}, budget = none)]
fn classified<'a>(text: &'a str, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
    parse(text, calls)
}

struct Parser<'a> {
    text: &'a str,
}

impl<'a> Parser<'a> {
    #[retry(on = [ParseError::Busy], budget = none)]
    fn method(&self, calls: &Cell<u32>) -> Result<(), ParseError<'a>> {
        parse(self.text, calls)
    }

    #[retry(on = [ParseError::Busy], budget = none)]
    fn elided(&self, calls: &Cell<u32>) -> Result<(), ParseError<'_>> {
        parse(self.text, calls)
    }
}

#[test]
fn errors_that_borrow_are_looked_for_like_others() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    // Not known at compile time, and dropped before the end of the program.
    let text = |text: &str| text.to_owned();
    let counted = |call: &dyn Fn(&str)| {
        ["busy", "full", "bad", "timeout"].map(|word| {
            call(&text(word));
            calls.take()
        })
    };
    assert_eq!(counted(&|text| variant(text, &calls).unwrap_err().discard()), [3, 3, 1, 1]);
    assert_eq!(counted(&|text| by_type(text, &calls).unwrap_err().discard()), [3, 3, 3, 3]);
    assert_eq!(counted(&|text| wrapped(text, &calls).unwrap_err().discard()), [1, 1, 1, 3]);
    assert_eq!(counted(&|text| any(text, &calls).unwrap_err().discard()), [3, 3, 3, 3]);
    assert_eq!(counted(&|text| when(text, &calls).unwrap_err().discard()), [3, 3, 1, 1]);
    assert_eq!(counted(&|text| classified(text, &calls).unwrap_err().discard()), [3, 3, 1, 1]);
    let method = |text: &str| Parser { text }.method(&calls).unwrap_err().discard();
    assert_eq!(counted(&method), [3, 3, 1, 1]);
    assert_eq!(
        counted(&|text| Parser { text }.elided(&calls).unwrap_err().discard()),
        [3, 3, 1, 1]
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pattern = |text: &str| runtime.block_on(pattern(text, &calls)).unwrap_err().discard();
    assert_eq!(counted(&pattern), [3, 1, 1, 1]);
}

impl ParseError<'_> {
    fn discard(self) {}
}

#[derive(Debug, Classify)]
enum ApiError {
    #[retryable]
    Busy,
    #[permanent]
    Gone,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("api")
    }
}

impl Error for ApiError {}

#[derive(Debug)]
struct Ordering(ApiError);

impl fmt::Display for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ordering")
    }
}

impl Error for Ordering {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn named_types_are_found_in_unboxed_and_in_shared_errors() {
    #[retry(classify = classify_as![ApiError], budget = none)]
    fn unboxed(answer: fn() -> ApiError, calls: &Cell<u32>) -> Result<(), Ordering> {
        calls.set(calls.get() + 1);
        Err(Ordering(answer()))
    }
    #[retry(classify = classify_as![ApiError], budget = none)]
    fn shared(
        answer: fn() -> ApiError,
        calls: &Cell<u32>,
    ) -> Result<(), Arc<dyn Error + Send + Sync>> {
        calls.set(calls.get() + 1);
        Err(Arc::new(Ordering(answer())))
    }
    #[retry(classify = classify_as![io::Error, ApiError], budget = none)]
    fn io(answer: fn() -> ApiError, calls: &Cell<u32>) -> io::Result<()> {
        calls.set(calls.get() + 1);
        Err(io::Error::other(Ordering(answer())))
    }
    #[retry(on = [ApiError::Busy], budget = none)]
    fn on_shared(answer: fn() -> ApiError, calls: &Cell<u32>) -> Result<(), Arc<dyn Error>> {
        calls.set(calls.get() + 1);
        Err(Arc::new(Ordering(answer())))
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    for (answer, expected) in [((|| ApiError::Busy) as fn() -> _, 3), (|| ApiError::Gone, 1)] {
        unboxed(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
        shared(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
        io(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
        on_shared(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
    }
}

#[cfg(feature = "anyhow")]
#[test]
fn contexts_of_a_wanted_type_are_found() {
    use anyhow::Context as _;

    #[retry(on = [ApiError::Busy], budget = none)]
    fn on(answer: fn() -> ApiError, calls: &Cell<u32>) -> anyhow::Result<()> {
        calls.set(calls.get() + 1);
        Err(io::Error::from(ErrorKind::NotFound)).context(answer()).context("ordering")
    }
    #[retry(classify = classify_as![ApiError], budget = none)]
    fn named(answer: fn() -> ApiError, calls: &Cell<u32>) -> anyhow::Result<()> {
        calls.set(calls.get() + 1);
        Err(io::Error::from(ErrorKind::NotFound)).context(answer()).context("ordering")
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    for (answer, expected) in [((|| ApiError::Busy) as fn() -> _, 3), (|| ApiError::Gone, 1)] {
        on(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
        named(answer, &calls).unwrap_err();
        assert_eq!(calls.take(), expected);
    }
}
