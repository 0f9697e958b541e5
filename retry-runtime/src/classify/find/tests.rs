use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::ways::*;
use super::{error_text, own_class, probe, probe_borrowed};
use crate::{Classification, Classify, classify_as};

#[derive(Debug, PartialEq)]
enum Api {
    Timeout,
    Http { status: u16 },
    Wrapped(Box<Api>),
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("api")
    }
}

impl Error for Api {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Api::Wrapped(inner) => Some(inner),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Outer<E>(E);

impl<E> fmt::Display for Outer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outer")
    }
}

impl<E: Error + 'static> Error for Outer<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

macro_rules! found {
    ($err:expr, $ty:ty) => {
        found!($err, $ty, _)
    };
    ($err:expr, $ty:ty, $pattern:pat) => {
        (&&&&probe::<$ty, _>($err)).steadfast_any(|found: &$ty| matches!(found, $pattern))
    };
}

#[test]
fn the_error_itself_is_found() {
    assert!(found!(&Api::Timeout, Api, Api::Timeout));
    assert!(!found!(&Api::Http { status: 404 }, Api, Api::Timeout));
    assert!(found!(&Api::Http { status: 503 }, Api, Api::Http { status: 500..=599 }));
}

#[test]
fn a_type_that_is_no_error_is_found_as_itself() {
    struct Plain(u8);
    assert!(found!(&Plain(3), Plain, Plain(3)));
    assert!(found!(&"text".to_owned(), String));
    assert!(found!(&ErrorKind::TimedOut, ErrorKind, ErrorKind::TimedOut));
    assert!(found!(&Box::new(Plain(3)), Plain, Plain(3)));
    assert!(found!(&Arc::new(Plain(3)), Plain, Plain(3)));
}

#[test]
fn a_wrapped_error_of_the_same_type_is_found() {
    assert!(found!(&Api::Wrapped(Box::new(Api::Timeout)), Api, Api::Timeout));
}

#[test]
fn sources_are_found() {
    assert!(found!(&Outer(Outer(Api::Timeout)), Api, Api::Timeout));
    assert!(!found!(&Outer(Outer(Api::Timeout)), io::Error));
}

#[test]
fn pointers_are_looked_through() {
    assert!(found!(&Box::new(Api::Timeout), Api));
    assert!(found!(&Arc::new(Api::Timeout), Api));
    assert!(found!(&&Api::Timeout, Api));
    assert!(found!(&Outer(Arc::new(Api::Timeout)), Api));
    let shared: Arc<dyn Error + Send + Sync> = Arc::new(Api::Timeout);
    assert!(found!(&shared, Api));
    assert!(found!(&Outer(shared), Api));
    let shared: Arc<dyn Error> = Arc::new(Outer(Api::Timeout));
    assert!(found!(&shared, Api));
    let shared: Arc<dyn Error + Send> = Arc::new(Api::Timeout);
    assert!(found!(&shared, Api));
}

#[test]
fn every_usual_box_is_opened() {
    let error: Box<dyn Error> = Api::Timeout.into();
    assert!(found!(&error, Api));
    assert!(!found!(&error, ErrorKind, ErrorKind::TimedOut));
    let error: Box<dyn Error + Send> = Box::new(Outer(Api::Timeout));
    assert!(found!(&error, Api));
    let error: Box<dyn Error + Send + Sync> = Box::new(Outer(Api::Timeout));
    assert!(found!(&error, Api));
    let error: std::rc::Rc<dyn Error> = std::rc::Rc::new(Outer(Api::Timeout));
    assert!(found!(&error, Api));
}

#[test]
fn inner_errors_of_io_errors_are_found() {
    assert!(found!(&io::Error::other(Api::Timeout), Api));
    assert!(found!(&Outer(Arc::new(io::Error::other(Outer(Api::Timeout)))), Api));
}

#[test]
fn kinds_of_io_errors_are_found() {
    let error = Outer(io::Error::other(io::Error::from(ErrorKind::TimedOut)));
    assert!(found!(&error, ErrorKind, ErrorKind::TimedOut));
    assert!(found!(&error, ErrorKind, ErrorKind::Other));
    assert!(!found!(&error, ErrorKind, ErrorKind::NotFound));
}

#[test]
fn generic_errors_are_searched() {
    fn timeout<E: Error + 'static>(error: &E) -> bool {
        found!(error, Api, Api::Timeout)
    }
    fn own<E: Error + 'static>(error: &E) -> bool {
        found!(error, E)
    }
    assert!(timeout(&Outer(Api::Timeout)));
    assert!(own(&Outer(Api::Timeout)));
}

#[test]
fn a_chain_that_leads_into_itself_ends() {
    #[derive(Debug)]
    struct Ring;
    impl fmt::Display for Ring {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("ring")
        }
    }
    impl Error for Ring {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }
    assert!(!found!(&Ring, Api));
}

#[test]
fn texts_are_printed_where_there_are_any() {
    struct Mute;
    let boxed: Box<dyn Error> = "boxed".into();
    assert_eq!((&&error_text(&boxed)).steadfast_text().unwrap().to_string(), "boxed");
    assert_eq!((&&error_text(&Api::Timeout)).steadfast_text().unwrap().to_string(), "api");
    assert!((&&error_text(&Mute)).steadfast_text().is_none());
}

#[test]
fn an_error_without_classify_is_asked_by_its_chain() {
    let refused = Outer(io::Error::from(ErrorKind::ConnectionRefused));
    assert!((&&&own_class(&refused)).steadfast_class().unwrap().is_unsent());
    assert!((&&&own_class(&refused.0)).steadfast_class().unwrap().is_unsent());
    assert!((&&&own_class(&0_u8)).steadfast_class().is_none());
}

/// As `eyre::Report` does it: no error itself, but it points to one of any type.
struct Report(Box<dyn Error + Send + Sync>);

impl std::ops::Deref for Report {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::ops::DerefMut for Report {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

#[test]
fn reports_are_searched() {
    let report = Report(Outer(Api::Timeout).into());
    assert!(found!(&report, Api, Api::Timeout));
    assert!(!found!(&report, io::Error));
    assert!(found!(&Report(io::Error::from(ErrorKind::TimedOut).into()), ErrorKind));
}

impl Classify for Api {
    fn classify(&self) -> Classification {
        match self {
            Api::Timeout => Classification::retryable(),
            _ => Classification::permanent(),
        }
    }
}

#[test]
fn named_types_classify_whatever_holds_them() {
    let yes = |class: Classification| assert!(class.is_retryable());
    let no = |class: Classification| assert!(!class.is_retryable());
    // Errors that are in no box.
    yes(classify_as![Api](&Api::Timeout));
    no(classify_as![Api](&Api::Http { status: 503 }));
    yes(classify_as![Api](&Outer(Outer(Api::Timeout))));
    yes(classify_as![Api, io::Error](&io::Error::other(Outer(Api::Timeout))));
    no(classify_as![Api](&io::Error::from(ErrorKind::TimedOut)));
    yes(classify_as![io::Error](&io::Error::from(ErrorKind::TimedOut)));
    // Boxes and their like.
    let boxed = || -> Box<dyn Error + Send + Sync> { Outer(Api::Timeout).into() };
    yes(classify_as![Api](&boxed()));
    yes(classify_as![Api](&*boxed()));
    yes(classify_as![Api](&Report(boxed())));
    yes(classify_as![Api](&(Box::new(Api::Timeout) as Box<dyn Error>)));
    yes(classify_as![Api](&(Box::new(Api::Timeout) as Box<dyn Error + Send>)));
    yes(classify_as![Api](&Box::new(Api::Timeout)));
    // Shared ones.
    yes(classify_as![Api](&Arc::new(Api::Timeout)));
    yes(classify_as![Api](&(Arc::new(Outer(Api::Timeout)) as Arc<dyn Error>)));
    yes(classify_as![Api](&(Arc::new(Api::Timeout) as Arc<dyn Error + Send>)));
    yes(classify_as![Api](&(Arc::from(boxed()) as Arc<dyn Error + Send + Sync>)));
    yes(classify_as![Api](&Outer(Arc::from(boxed()) as Arc<dyn Error + Send + Sync>)));
    yes(classify_as![Api](&(std::rc::Rc::new(Api::Timeout) as std::rc::Rc<dyn Error>)));
    // The outermost of several.
    let around = Around(io::Error::from(ErrorKind::TimedOut));
    no(classify_as![io::Error, Around](&around));
    yes(classify_as![io::Error](&around));
}

/// A wrapper that knows better.
#[derive(Debug)]
struct Around(io::Error);

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("around")
    }
}

impl Error for Around {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Classify for Around {
    fn classify(&self) -> Classification {
        Classification::permanent()
    }
}

/// An error that borrows, around one that does not.
#[derive(Debug)]
enum Parsing<'a> {
    Busy(&'a str),
    Read(io::Error),
}

impl fmt::Display for Parsing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(text) => f.write_str(text),
            Self::Read(_) => f.write_str("reading"),
        }
    }
}

impl Error for Parsing<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Busy(_) => None,
            Self::Read(error) => Some(error),
        }
    }
}

macro_rules! found_borrowed {
    ($error:expr, $ty:ty, $pattern:pat) => {
        (&&&&probe_borrowed::<$ty, _>($error))
            .steadfast_any(|found: &$ty| matches!(found, $pattern))
    };
}

#[test]
fn an_error_that_borrows_is_found_and_what_it_wraps() {
    fn busy<'a>(error: &Parsing<'a>) -> bool {
        found_borrowed!(error, Parsing<'a>, Parsing::Busy("x"))
    }
    let text = String::from("x");
    assert!(busy(&Parsing::Busy(&text)));
    assert!(!busy(&Parsing::Busy(&text[1..])));
    let read = Parsing::Read(io::Error::other(Api::Timeout));
    assert!(!busy(&read));
    assert!(found_borrowed!(&read, io::Error, _));
    assert!(found_borrowed!(&read, Api, Api::Timeout));
    assert!(found_borrowed!(&read, ErrorKind, ErrorKind::Other));
    assert!(!found_borrowed!(&Parsing::Busy(&text), io::Error, _));
    // No error type, but the wanted one; a pointer to it.
    assert!(found_borrowed!(&text.as_str(), &str, &"x"));
    assert!(found_borrowed!(&Box::new(text.as_str()), &str, &"x"));
}

#[test]
fn an_error_that_borrows_is_asked_by_what_it_wraps() {
    let text = String::from("deadlock detected");
    let class = |error: &Parsing<'_>| (&&&own_class(error)).steadfast_class().unwrap();
    assert!(class(&Parsing::Read(ErrorKind::ConnectionRefused.into())).is_unsent());
    assert_eq!(class(&Parsing::Busy(&text)).retryable_kind(), Some(crate::Kind::Conflict));
    assert_eq!(
        class(&Parsing::Read(io::Error::other(text.clone()))).retryable_kind(),
        Some(crate::Kind::Conflict)
    );
    assert!(!class(&Parsing::Busy(&text[1..3])).is_retryable());
}
