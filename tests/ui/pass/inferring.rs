#![deny(warnings, clippy::all, clippy::pedantic)]

//! Bodies and rules whose types the compiler has to find, and rules that look at what the body changes.

use std::error::Error;
use std::fmt;
use std::io;

use steadfast::{Classification, Classify, Outcome, retry};

#[retry(when = |error| error.kind() == io::ErrorKind::TimedOut && list.len() < *limit)]
pub(crate) fn looked_at(list: &mut Vec<usize>, limit: &usize) -> io::Result<usize> {
    list.push(*limit);
    if list.len() < *limit { Err(io::ErrorKind::TimedOut.into()) } else { Ok(list.len()) }
}

#[retry(when = |error| !format!("{error}{name}").is_empty())]
pub(crate) fn named_in_a_text(list: &mut Vec<usize>, name: &str) -> io::Result<usize> {
    list.push(name.len());
    Ok(list.len())
}

#[retry]
pub(crate) fn inferred(text: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
    let number = text.parse()?;
    if number == 3u32 {
        return Err("three".into());
    }
    Ok(number)
}

#[retry(on = any)]
pub(crate) fn collected(texts: &[&str]) -> Result<Vec<u32>, std::num::ParseIntError> {
    texts.iter().map(|text| text.parse()).collect()
}

#[retry]
pub(crate) fn function() -> io::Result<fn(u32) -> u32> {
    Ok(|number| number + 1)
}

#[retry]
pub(crate) fn recursive(list: &mut Vec<u32>, depth: u32) -> io::Result<u32> {
    list.push(depth);
    if depth == 0 {
        return Ok(0);
    }
    Ok(recursive(list, depth - 1)? + 1)
}

#[retry]
pub(crate) fn recursive_opaque(depth: u32) -> io::Result<impl fmt::Debug> {
    if depth > 0 {
        let _ = recursive_opaque(depth - 1)?;
    }
    Ok(depth)
}

#[retry]
pub(crate) fn diverges(number: &mut u32) -> io::Result<u32> {
    loop {
        *number += 1;
        if *number > 3 {
            return Ok(*number);
        }
    }
}

#[retry]
pub(crate) fn panics(number: u32) -> io::Result<u32> {
    if number > 1 {
        return Ok(number);
    }
    panic!("{number}")
}

pub(crate) struct Wrong<'a>(&'a str);

impl fmt::Display for Wrong<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Classify for Wrong<'_> {
    fn classify(&self) -> Classification {
        Classification::permanent()
    }
}

#[retry]
pub(crate) fn error_borrows(text: &str) -> Result<u32, Wrong<'_>> {
    Err(Wrong(text))
}

#[retry(when = |error| error.0.is_empty())]
pub(crate) fn error_borrows_when<'a>(text: &'a str) -> Result<u32, Wrong<'a>> {
    Err(Wrong(text))
}

#[retry(on = [Wrong])]
pub(crate) fn error_borrows_on(text: &str) -> Result<u32, Wrong<'_>> {
    if text.is_empty() { Err(Wrong(text)) } else { Ok(1) }
}

#[retry]
pub(crate) fn error_of_any_type<E: Classify>(make: &dyn Fn() -> E) -> Result<u32, E> {
    Err(make())
}

#[retry]
pub(crate) fn any_outcome<R: Outcome<Error: Classify>>(make: impl Fn() -> R) -> R {
    make()
}

#[retry]
pub(crate) fn opaque_error(number: u32) -> Result<u32, impl Classify> {
    if number > 3 { Err(Wrong("beyond 3")) } else { Ok(number) }
}

pub(crate) trait Service {
    type Value;
    type Error: Classify;

    /// # Errors
    ///
    /// Those of the service.
    fn answer(&mut self) -> Result<Self::Value, Self::Error>;

    #[retry]
    fn retried(&mut self, calls: &mut u32) -> Result<Self::Value, Self::Error> {
        *calls += 1;
        self.answer()
    }
}

impl Service for str {
    type Value = usize;
    type Error = io::Error;

    fn answer(&mut self) -> io::Result<usize> {
        Ok(self.len())
    }
}

#[retry]
pub(crate) fn of_a_service<S: Service + ?Sized>(service: &mut S) -> Result<S::Value, S::Error> {
    service.answer()
}

pub(crate) fn main() {
    of_rules("abc");
    of_types();
}

fn of_rules(text: &str) {
    let _scope = steadfast::testing::scope();
    let mut list = Vec::new();
    assert_eq!(looked_at(&mut list, &3).unwrap(), 3);
    assert_eq!(named_in_a_text(&mut list, text).unwrap(), 4);
    assert_eq!(error_borrows(text).err().unwrap().0, "abc");
    assert_eq!(error_borrows_when(text).err().unwrap().0, "abc");
    assert_eq!(error_borrows_on(text).ok(), Some(1));
    assert!(error_of_any_type(&|| Wrong("")).is_err());
    assert_eq!(any_outcome(|| Some(1)), Some(1));
    assert_eq!(opaque_error(1).ok(), Some(1));
}

fn of_types() {
    assert_eq!(inferred("4").unwrap(), 4);
    assert_eq!(collected(&["4", "5"]).unwrap(), [4, 5]);
    assert_eq!(function().unwrap()(1), 2);
    let mut list = Vec::new();
    assert_eq!(recursive(&mut list, 2).unwrap(), 2);
    assert_eq!(list, [2, 1, 0]);
    assert_eq!(format!("{:?}", recursive_opaque(2).unwrap()), "2");
    assert_eq!(diverges(&mut 0).unwrap(), 4);
    assert_eq!(panics(2).unwrap(), 2);
    let (mut calls, mut service) = (0, String::from("abc"));
    assert_eq!(service.as_mut_str().retried(&mut calls).unwrap(), 3);
    assert_eq!(calls, 1);
    assert_eq!(of_a_service(service.as_mut_str()).unwrap(), 3);
}
