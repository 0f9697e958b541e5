//! What `#[derive(Classify)]` makes of an error, and what `#[retry]` then does.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use steadfast::{Classification, Classify, Kind, classify_as, retry, testing};

#[derive(Debug, Classify)]
enum ApiError {
    #[retryable]
    Unavailable,
    #[retryable(kind = timeout)]
    Timeout { _after: Duration },
    #[retryable(kind = throttled, after = 1)]
    RateLimited(#[allow(dead_code)] u8, Duration),
    #[retryable(kind = conflict, after = hint, unsent)]
    Busy { hint: Option<Duration> },
    #[permanent]
    Unauthorized(#[allow(dead_code)] String),
    #[classify(transparent)]
    Io(io::Error),
    #[classify(transparent = source)]
    Query { _text: &'static str, source: Box<dyn Error + Send + Sync> },
    #[classify(status = status, after = retry_after)]
    Http { status: u16, retry_after: Option<Duration> },
    #[classify(with = vendor)]
    Vendor(u32, &'static str),
    #[classify(with = Self::unit)]
    Unit,
}

impl ApiError {
    fn unit() -> Classification {
        Classification::retryable().unsent()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "fields are handed over by reference")]
fn vendor(code: &u32, text: &&'static str) -> Classification {
    if *code == 7 && *text == "again" {
        Classification::retryable()
    } else {
        Classification::permanent()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("api")
    }
}

impl Error for ApiError {}

const HINT: Duration = Duration::from_secs(3);

#[test]
fn every_attribute_means_what_it_says() {
    let retryable = Classification::retryable();
    let refused = || io::Error::from(ErrorKind::ConnectionRefused);
    let rows = [
        (ApiError::Unavailable, retryable),
        (ApiError::Timeout { _after: HINT }, retryable.kind(Kind::Timeout)),
        (ApiError::RateLimited(0, HINT), retryable.kind(Kind::Throttled).after(HINT)),
        (ApiError::Busy { hint: Some(HINT) }, retryable.kind(Kind::Conflict).unsent().after(HINT)),
        (ApiError::Busy { hint: None }, retryable.kind(Kind::Conflict).unsent()),
        (ApiError::Unauthorized(String::new()), Classification::permanent()),
        (ApiError::Io(refused()), retryable.unsent()),
        (ApiError::Query { _text: "", source: refused().into() }, retryable.unsent()),
        (ApiError::Http { status: 503, retry_after: Some(HINT) }, retryable.after(HINT)),
        (ApiError::Http { status: 404, retry_after: None }, Classification::permanent()),
        (ApiError::Vendor(7, "again"), retryable),
        (ApiError::Vendor(7, "never"), Classification::permanent()),
        (ApiError::Unit, retryable.unsent()),
    ];
    for (error, expected) in rows {
        assert_eq!(error.classify(), expected, "{error:?}");
    }
}

#[test]
fn structs_are_classified() {
    #[derive(Classify)]
    #[permanent]
    struct Unit;

    #[derive(Classify)]
    #[classify(transparent)]
    struct Wrapper(io::Error);

    #[derive(Classify)]
    #[classify(crate = steadfast, status = code)]
    struct Never {
        code: u16,
    }

    assert!(!Unit.classify().is_retryable());
    assert!(Wrapper(ErrorKind::BrokenPipe.into()).classify().is_retryable());
    assert!(Never { code: 503 }.classify().is_retryable());
}

/// Only the parameter that is asked gets a bound.
#[derive(Classify)]
#[classify(crate = steadfast)]
enum Generic<'a, E, T: ?Sized, const N: usize>
where
    T: fmt::Debug,
{
    #[classify(transparent)]
    Inner(E),
    #[classify(transparent)]
    Nested(Box<Generic<'a, E, T, N>>),
    #[permanent]
    Other(&'a T, [u8; N]),
}

#[test]
fn generic_errors_are_bound_where_they_are_asked() {
    #[derive(Debug)]
    struct Opaque;
    type Error<'a> = Generic<'a, io::Error, Opaque, 2>;

    let inner = Error::Inner(ErrorKind::TimedOut.into());
    assert!(Error::Nested(Box::new(inner)).classify().is_retryable());
    assert!(!Error::Other(&Opaque, [0; 2]).classify().is_retryable());
}

#[derive(Classify)]
enum Never {}

#[test]
fn an_error_that_cannot_be_is_classified() {
    fn classifies<E: Classify>() {}
    classifies::<Never>();
    classifies::<std::convert::Infallible>();
}

#[test]
fn retry_asks_the_derived_classification() {
    #[retry(max_attempts = 4, budget = none)]
    fn call(calls: &Cell<u32>) -> Result<(), ApiError> {
        calls.set(calls.get() + 1);
        match calls.get() {
            1 => Err(ApiError::Unavailable),
            2 => Err(ApiError::Vendor(7, "again")),
            _ => Err(ApiError::Unauthorized(String::new())),
        }
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert!(matches!(call(&calls), Err(ApiError::Unauthorized(_))));
    assert_eq!(calls.get(), 3);
}

type BoxError = Box<dyn Error + Send + Sync>;

#[test]
fn named_types_classify_a_boxed_error() {
    #[retry(max_attempts = 4, budget = none, classify = classify_as![ApiError, io::Error])]
    fn call(calls: &Cell<u32>) -> Result<(), BoxError> {
        calls.set(calls.get() + 1);
        match calls.get() {
            1 => Err(ApiError::Unavailable.into()),
            2 => Err(io::Error::other(ApiError::Unavailable).into()),
            _ => Err("unknown".into()),
        }
    }
    let _scope = testing::scope();
    let calls = Cell::new(0);
    assert_eq!(call(&calls).unwrap_err().to_string(), "unknown");
    assert_eq!(calls.get(), 3);
}

#[test]
fn named_types_classify_an_anyhow_error() {
    use anyhow::Context as _;

    let classify: fn(&anyhow::Error) -> Classification = classify_as![ApiError];
    let error = Err::<(), _>(ApiError::Unavailable).context("charging").unwrap_err();
    assert!(classify(&error).is_retryable());
    assert!(!classify(&anyhow::anyhow!("unknown")).is_retryable());
}
