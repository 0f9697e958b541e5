#![deny(warnings, clippy::all, clippy::pedantic)]

//! Bodies that borrow what a closure for all attempts could lose: what is returned comes out of the
//! arguments, and what is changed stays changed.

use std::cell::{Cell, RefCell, RefMut};
use std::io::{self, Read};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};

use steadfast::retry;

#[retry]
pub(crate) fn shared<'a>(text: &'a str, _: &str) -> io::Result<&'a str> {
    Ok(&text[1..])
}

#[retry]
pub(crate) fn counted(text: &Rc<str>) -> io::Result<&str> {
    Ok(text)
}

#[retry]
pub(crate) fn through_shared<'a>(text: &&'a str) -> io::Result<&'a str> {
    Ok(*text)
}

#[retry]
pub(crate) fn through_exclusive<'a>(text: &mut &'a str) -> io::Result<&'a str> {
    let (first, rest) = text.split_at(1);
    *text = rest;
    Ok(first)
}

#[retry]
pub(crate) fn found<'a>(bytes: &'a [u8], at: &mut usize) -> io::Result<&'a [u8]> {
    *at += 1;
    Ok(&bytes[*at..])
}

#[retry]
pub(crate) fn coerced(bytes: &[u8; 3]) -> io::Result<&[u8]> {
    Ok(bytes)
}

#[retry]
pub(crate) fn guarded(list: &Mutex<Vec<u32>>) -> Option<MutexGuard<'_, Vec<u32>>> {
    list.lock().ok()
}

#[retry]
pub(crate) fn borrowed(list: &RefCell<Vec<u32>>) -> Option<RefMut<'_, Vec<u32>>> {
    list.try_borrow_mut().ok()
}

#[retry]
pub(crate) fn kept<'a>(cell: &Cell<&'a str>, out: &mut Vec<&'a str>, text: &'a str) -> Option<()> {
    out.clear();
    out.push(cell.replace(text));
    Some(())
}

#[derive(Clone)]
pub(crate) struct Parser<'a> {
    text: &'a str,
    seen: Vec<&'a str>,
    log: String,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, seen: Vec::new(), log: String::new() }
    }

    #[retry]
    pub(crate) fn token(&mut self) -> io::Result<&'a str> {
        let (first, rest) = self.text.split_at(1);
        self.text = rest;
        self.seen.push(first);
        Ok(first)
    }

    #[retry]
    pub(crate) fn keep(&mut self, text: &'a str) -> io::Result<usize> {
        self.seen.push(text);
        Ok(self.seen.len())
    }

    #[retry]
    pub(crate) fn first(&self) -> Option<&&'a str> {
        self.seen.first()
    }

    #[retry]
    pub(crate) fn all(&self) -> io::Result<impl Iterator<Item = &'a str>> {
        Ok(self.seen.iter().copied())
    }

    #[retry]
    pub(crate) fn all_boxed<'s>(&'s self) -> io::Result<Box<dyn Iterator<Item = &'a str> + 's>> {
        Ok(Box::new(self.seen.iter().copied()))
    }

    #[retry]
    pub(crate) fn rest(self) -> io::Result<&'a str> {
        Ok(self.text)
    }

    #[expect(clippy::boxed_local, reason = "the shape under test")]
    #[retry]
    pub(crate) fn rest_of_box(self: Box<Self>) -> io::Result<&'a str> {
        Ok(&self.text[1..])
    }

    #[retry]
    pub(crate) fn rest_of_rc(self: Rc<Self>) -> io::Result<&'a str> {
        Ok(self.text)
    }

    #[retry]
    pub(crate) fn another(self: &Arc<Self>) -> io::Result<Arc<Self>> {
        Ok(Arc::clone(self))
    }

    #[retry]
    pub(crate) fn log(self: &Arc<Self>) -> io::Result<&str> {
        Ok(&self.log)
    }

    #[retry]
    pub(crate) fn logged(self: Pin<&Self>) -> io::Result<usize> {
        Ok(self.log.len())
    }

    #[retry(clone(log))]
    pub(crate) fn replace(&mut self, log: String) -> io::Result<()> {
        self.log = log;
        Ok(())
    }

    #[retry]
    pub(crate) fn swap(&mut self, log: &mut String) -> io::Result<()> {
        std::mem::swap(&mut self.log, log);
        Ok(())
    }

    #[retry(when = |error| self.log.is_empty() || error.kind() == io::ErrorKind::TimedOut)]
    pub(crate) fn looked_at(&mut self) -> io::Result<usize> {
        self.log.push('.');
        Ok(self.log.len())
    }
}

pub(crate) struct Dropped<'a>(&'a str);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {}
}

#[retry]
pub(crate) fn of_a_field<'a>(parser: Parser<'a>, dropped: Dropped<'a>) -> io::Result<&'a str> {
    Ok(if parser.text.is_empty() { dropped.0 } else { &parser.text[1..] })
}

#[retry(clone(make))]
pub(crate) fn once(make: impl FnOnce() -> u32 + Clone) -> io::Result<u32> {
    Ok(make())
}

#[retry]
pub(crate) fn called(by_type: &mut impl FnMut(u32), boxed: &mut dyn FnMut(u32)) -> io::Result<()> {
    fn further(call: &mut dyn FnMut(u32)) {
        call(2);
    }
    by_type(1);
    further(boxed);
    further(boxed);
    further(by_type);
    Ok(())
}

#[retry]
pub(crate) fn nested(list: &mut Vec<u32>, add: u32) -> io::Result<u32> {
    let mut push = |number| list.push(number + add);
    push(1);
    push(2);
    let sum = move |numbers: &[u32]| numbers.iter().sum::<u32>() + add;
    Ok(sum(list))
}

#[retry]
pub(crate) fn returned<'a>(text: &'a str, from: usize) -> io::Result<impl Fn(usize) -> &'a str> {
    Ok(move |to| &text[from..to])
}

#[retry]
pub(crate) fn returned_box<'a>(text: &'a str) -> io::Result<Box<dyn Fn() -> usize + 'a>> {
    Ok(Box::new(|| text.len()))
}

#[retry]
pub(crate) fn threads(list: &mut Vec<u32>, name: &str) -> io::Result<usize> {
    std::thread::scope(|scope| {
        scope.spawn(|| list.push(1));
        scope.spawn(move || name.len()).join().map_err(|_| io::Error::other("panicked"))
    })
}

#[retry]
pub(crate) fn every(list: &mut Vec<u32>, more: &mut dyn Iterator<Item = u32>) -> io::Result<u32> {
    for number in &mut *list {
        *number += 1;
    }
    let sum = more.take(2).sum();
    for number in list {
        *number += 1;
    }
    Ok(sum)
}

#[retry]
pub(crate) fn filled<R: Read + ?Sized>(from: &mut R, buffer: &mut [u8]) -> io::Result<usize> {
    from.read(buffer)
}

pub(crate) fn main() {
    let text = String::from("abc");
    assert_eq!(shared(&text, "").unwrap(), "bc");
    assert_eq!(counted(&text.as_str().into()).unwrap(), "abc");
    assert_eq!(through_shared(&&*text).unwrap(), "abc");
    assert_eq!(through_exclusive(&mut &*text).unwrap(), "a");
    assert_eq!(found(b"abc", &mut 0).unwrap(), b"bc");
    assert_eq!(coerced(b"abc").unwrap(), b"abc");
    assert!(guarded(&Mutex::default()).unwrap().is_empty());
    assert!(borrowed(&RefCell::default()).unwrap().is_empty());
    let (cell, mut out) = (Cell::new("old"), Vec::new());
    kept(&cell, &mut out, &text).unwrap();
    assert_eq!((cell.get(), out), ("abc", vec!["old"]));
    of_methods(&text);
    of_closures(&text);
}

fn of_methods(text: &str) {
    let mut parser = Parser::new(text);
    assert_eq!(parser.token().unwrap(), "a");
    assert_eq!(parser.keep("d").unwrap(), 2);
    assert_eq!(parser.first(), Some(&"a"));
    assert_eq!(parser.all().unwrap().count(), 2);
    assert_eq!(parser.all_boxed().unwrap().count(), 2);
    parser.replace("log".into()).unwrap();
    parser.swap(&mut String::from("another")).unwrap();
    assert_eq!(parser.looked_at().unwrap(), 8);
    assert_eq!(parser.clone().rest().unwrap(), "bc");
    assert_eq!(Box::new(parser.clone()).rest_of_box().unwrap(), "c");
    assert_eq!(Rc::new(parser.clone()).rest_of_rc().unwrap(), "bc");
    assert_eq!(Pin::new(&parser).logged().unwrap(), 8);
    assert_eq!(Arc::new(parser.clone()).another().unwrap().log().unwrap(), "another.");
    assert_eq!(of_a_field(parser, Dropped("x")).unwrap(), "c");
}

fn of_closures(text: &str) {
    let (mut sum, mut product) = (0, 1);
    assert_eq!(once(|| 3).unwrap(), 3);
    called(&mut |number| sum += number, &mut |number| product *= number).unwrap();
    assert_eq!((sum, product), (3, 4));
    let mut list = Vec::new();
    assert_eq!(nested(&mut list, 1).unwrap(), 6);
    assert_eq!(returned(text, 1).unwrap()(2), "b");
    assert_eq!(returned_box(text).unwrap()(), 3);
    assert_eq!(threads(&mut list, text).unwrap(), 3);
    assert_eq!(every(&mut list, &mut (1..5)).unwrap(), 3);
    assert_eq!(list, [4, 5, 3]);
    assert_eq!(filled(&mut text.as_bytes(), &mut [0; 2]).unwrap(), 2);
}
