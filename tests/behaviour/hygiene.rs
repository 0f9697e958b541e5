//! What stands in a body, around a function and in its scope keeps its meaning.

use std::cell::Cell;
use std::io::{self, ErrorKind};

use steadfast::{Classification, retry, testing};

/// Fails twice.
fn third(calls: &Cell<u32>) -> io::Result<u32> {
    calls.set(calls.get() + 1);
    if calls.get() < 3 { Err(ErrorKind::TimedOut.into()) } else { Ok(calls.get()) }
}

#[retry(budget = none)]
fn early(calls: &Cell<u32>, n: u32) -> io::Result<u32> {
    if n == 0 {
        return third(calls);
    }
    let value = third(calls)?;
    if n == 1 {
        return Ok(value + 1);
    }
    loop {
        if calls.get() > 1 {
            break Ok(value + n);
        }
    }
}

#[retry(budget = none)]
async fn early_async(calls: &Cell<u32>, n: u32) -> io::Result<u32> {
    if n == 0 {
        return third(calls);
    }
    let value = third(calls)?;
    tokio::task::yield_now().await;
    let inner: io::Result<u32> = async {
        if n == 1 {
            return Ok(1);
        }
        Err(ErrorKind::NotFound)?
    }
    .await;
    Ok(value + inner.unwrap_or(n))
}

#[retry]
fn labels(calls: &Cell<u32>) -> io::Result<u32> {
    let picked = 'a: {
        let Ok(value) = third(calls) else { break 'a None };
        Some(value)
    };
    let mut turns = 0;
    'outer: for a in 0..10 {
        for b in 0..10 {
            turns += 1;
            if b == 2 {
                continue 'outer;
            }
            if a == 2 {
                break 'outer;
            }
        }
    }
    assert_eq!(turns, 7);
    picked.ok_or_else(|| ErrorKind::TimedOut.into())
}

#[retry]
fn closures(calls: &Cell<u32>) -> io::Result<u32> {
    let choose = |n: u32| {
        if n > 1 {
            return n;
        }
        n + 10
    };
    let attempt = || -> io::Result<u32> { Ok(third(calls)?) };
    let value = attempt()?;
    Ok(choose(value) + choose(1))
}

#[retry]
#[allow(clippy::items_after_statements, reason = "the shape under test")]
fn items(calls: &Cell<u32>) -> io::Result<u32> {
    use std::cmp::max;
    const TWO: u32 = 2;
    fn helper(n: u32) -> u32 {
        max(n, TWO)
    }
    struct Held(u32);
    impl Held {
        #[retry]
        fn checked(&self, calls: &Cell<u32>) -> io::Result<u32> {
            third(calls).map(|value| value + self.0)
        }
    }
    #[retry(max_attempts = 4)]
    fn nested(calls: &Cell<u32>) -> io::Result<u32> {
        third(calls)
    }
    let before = nested(calls)?;
    calls.set(0);
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(7);
    Ok(helper(before) + Held(1).checked(calls)? + COUNT.load(std::sync::atomic::Ordering::Relaxed))
}

#[tokio::test]
async fn returns_questions_labels_closures_and_items() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    let again = || {
        calls.set(0);
        &calls
    };
    assert_eq!(early(again(), 0).unwrap(), 3);
    assert_eq!(early(again(), 1).unwrap(), 4);
    assert_eq!(early(again(), 2).unwrap(), 5);
    assert_eq!(early_async(again(), 0).await.unwrap(), 3);
    assert_eq!(early_async(again(), 1).await.unwrap(), 4);
    assert_eq!(early_async(again(), 2).await.unwrap(), 5);
    assert_eq!(labels(again()).unwrap(), 3);
    assert_eq!(closures(again()).unwrap(), 3 + 11);
    assert_eq!(items(again()).unwrap(), 3 + 4 + 7);
}

#[retry]
fn r#match(r#type: &Cell<u32>, mut r#loop: u32) -> io::Result<u32> {
    r#loop += 1;
    third(r#type).map(|value| value + r#loop)
}

#[retry(clone(r#fn), context = r#try)]
async fn r#move(calls: &Cell<u32>, r#fn: String) -> io::Result<(String, u32)> {
    third(calls)?;
    Ok((r#fn, r#try.number()))
}

#[tokio::test]
async fn raw_identifiers() {
    let scope = testing::scope();
    assert_eq!(r#match(&Cell::new(0), 1).unwrap(), 5);
    assert_eq!(r#move(&Cell::new(0), "x".into()).await.unwrap(), ("x".into(), 3));
    let testing::Event::Retried { operation, .. } = scope.events()[0] else { panic!() };
    assert!(operation.ends_with("::match"), "{operation}");
}

/// The names that the generated code uses are not the user's.
#[retry(when = |_| true)]
#[allow(clippy::used_underscore_binding, non_snake_case, reason = "the names under test")]
fn reserved(
    __steadfast_call: &Cell<u32>,
    __steadfast_outcome: u32,
    mut __steadfast_delay: u32,
    __steadfast_error: &str,
) -> io::Result<u32> {
    __steadfast_delay += __steadfast_outcome;
    let __steadfast_class = third(__steadfast_call)?;
    Ok(__steadfast_class + __steadfast_delay + u32::from(__steadfast_error.is_empty()))
}

#[test]
fn names_of_ours_as_arguments() {
    let _scope = testing::scope();
    assert_eq!(reserved(&Cell::new(0), 1, 1, "").unwrap(), 6);
}

macro_rules! annotated {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($calls:ident) -> $output:ty, $delay:expr, $entry:path, $body:block) => {
        $(#[$attribute])*
        #[retry(base_delay = $delay, on = [$entry], max_attempts = 3)]
        $visibility fn $name($calls: &Cell<u32>) -> $output $body

        mod future {
            use super::*;

            #[retry(base_delay = $delay, when = |_| true)]
            pub(super) async fn $name($calls: &Cell<u32>) -> $output {
                let local = 1;
                let value = third($calls)?;
                Ok(value + local - 1)
            }
        }
    };
}

annotated! {
    /// Kept.
    pub(crate) fn from_macro(calls) -> io::Result<u32>, std::time::Duration::from_millis(5), io::Error, {
        let value = third(calls)?;
        Ok(value)
    }
}

macro_rules! expression {
    ($name:ident, $attempts:expr, $argument:pat => $ty:ty, $body:expr) => {
        #[retry(max_attempts = $attempts)]
        fn $name($argument: $ty) -> io::Result<u32> {
            $body
        }
    };
}

expression!(by_expression, 1 + 2, (calls, mut extra) => (&Cell<u32>, u32), {
    extra += 1;
    third(calls).map(|value| value + extra)
});

macro_rules! wrapped_name {
    ($calls:ident) => {{
        // A name of the macro's own beside one of its caller.
        let value = third($calls)?;
        value
    }};
}

#[retry]
fn uses_a_macro(calls: &Cell<u32>) -> io::Result<u32> {
    let value = 10;
    Ok(wrapped_name!(calls) + value)
}

#[tokio::test]
async fn inside_macros() {
    let _scope = testing::scope();
    assert_eq!(from_macro(&Cell::new(0)).unwrap(), 3);
    assert_eq!(future::from_macro(&Cell::new(0)).await.unwrap(), 3);
    assert_eq!(by_expression((&Cell::new(0), 1)).unwrap(), 5);
    assert_eq!(uses_a_macro(&Cell::new(0)).unwrap(), 13);
}

#[tokio::test]
#[retry]
async fn above_a_test() -> io::Result<()> {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(third).map(drop)
}

#[retry(base_delay = "1ms", max_delay = "1ms")]
#[tokio::test(start_paused = true)]
async fn below_a_test() -> io::Result<()> {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.with(third).map(drop)
}

#[retry]
#[tracing::instrument(skip(calls), err)]
async fn instrument_below(calls: &Cell<u32>, name: &str, mut n: u32) -> io::Result<u32> {
    n += u32::try_from(name.len()).unwrap();
    tokio::task::yield_now().await;
    third(calls).map(|value| value + n)
}

#[tracing::instrument(skip_all, fields(name))]
#[retry]
async fn instrument_above(calls: &Cell<u32>, name: &str, mut n: u32) -> io::Result<u32> {
    n += u32::try_from(name.len()).unwrap();
    tokio::task::yield_now().await;
    third(calls).map(|value| value + n)
}

#[retry]
#[tracing::instrument(skip(calls), ret)]
fn instrument_below_sync(calls: &Cell<u32>, name: &str) -> io::Result<u32> {
    third(calls).map(|value| value + u32::from(name.is_empty()))
}

#[tracing::instrument(skip(calls), ret)]
#[retry]
fn instrument_above_sync(calls: &Cell<u32>, name: &str) -> io::Result<u32> {
    third(calls).map(|value| value + u32::from(name.is_empty()))
}

#[tokio::test]
async fn beside_instrument() {
    let _scope = testing::scope();
    assert_eq!(instrument_below(&Cell::new(0), "a", 1).await.unwrap(), 5);
    assert_eq!(instrument_above(&Cell::new(0), "a", 1).await.unwrap(), 5);
    assert_eq!(instrument_below_sync(&Cell::new(0), "").unwrap(), 4);
    assert_eq!(instrument_above_sync(&Cell::new(0), "").unwrap(), 4);
}

#[retry]
async fn inner_attributes(calls: &Cell<u32>) -> io::Result<u32> {
    #![allow(unused_variables)]
    #![doc = "Kept."]
    let unused = 1;
    third(calls)
}

#[retry]
#[must_use = "kept"]
#[inline]
#[deprecated = "kept"]
fn with_attributes(calls: &Cell<u32>) -> io::Result<u32> {
    third(calls)
}

#[tokio::test]
async fn attributes_are_kept() {
    let _scope = testing::scope();
    assert_eq!(inner_attributes(&Cell::new(0)).await.unwrap(), 3);
    #[expect(deprecated, reason = "the attribute has to survive")]
    let answer = with_attributes(&Cell::new(0));
    assert_eq!(answer.unwrap(), 3);
}

/// What a library shows of its own may carry the attribute to its users.
mod library {
    pub(super) mod reexport {
        pub(crate) use ::steadfast::*;
    }
}

#[retry(crate = library::reexport)]
fn by_path(calls: &Cell<u32>) -> io::Result<u32> {
    third(calls)
}

#[retry(crate = crate::hygiene::library::reexport, attempt_timeout = "1s")]
async fn by_crate_path(calls: &Cell<u32>) -> io::Result<u32> {
    third(calls)
}

/// As `persistent = { package = "steadfast" }` does it.
mod renamed {
    extern crate steadfast as persistent;

    #[persistent::retry(crate = self::persistent, clone(name), deadline = "1h")]
    pub(super) async fn call(calls: &super::Cell<u32>, name: String) -> std::io::Result<u32> {
        drop(name);
        super::third(calls)
    }
}

#[tokio::test]
async fn another_path_to_the_library() {
    let _scope = testing::scope();
    assert_eq!(renamed::call(&Cell::new(0), String::new()).await.unwrap(), 3);
    assert_eq!(by_path(&Cell::new(0)).unwrap(), 3);
    assert_eq!(by_crate_path(&Cell::new(0)).await.unwrap(), 3);
}

/// Every name that the expansion might trip over means something else here.
mod shadowed {
    #![allow(dead_code, unused_macros, non_camel_case_types, reason = "they are only in the way")]

    use ::std::io::{Error, ErrorKind};

    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Box;
    pub(super) struct Duration;
    pub(super) struct RetryPolicy;
    pub(super) struct bool;
    pub(super) struct u64;
    pub(super) struct str;
    pub(super) trait Future {}
    pub(super) trait Send {}
    pub(super) trait Clone {}
    pub(super) trait FnOnce {}
    pub(super) trait Display {}
    pub(super) fn drop() {}
    #[allow(non_snake_case)]
    pub(super) fn Some() {}
    #[allow(non_snake_case)]
    pub(super) fn Ok() {}
    #[allow(non_snake_case)]
    pub(super) fn Err() {}
    #[allow(non_upper_case_globals, reason = "it is what the user shadows with")]
    pub(super) const None: u8 = 0;
    mod core {}
    mod std {}
    mod alloc {}
    mod steadfast {}
    mod find {}
    macro_rules! concat {
        () => {};
    }
    macro_rules! module_path {
        () => {};
    }
    macro_rules! file {
        () => {};
    }
    macro_rules! line {
        () => {};
    }

    type Answer = ::core::result::Result<u32, Error>;

    /// Methods that every type has, named as ours.
    trait Everything {
        fn error(&self) {}
        fn value(&self) {}
        fn any(&self) {}
        fn text(&self) {}
        fn class(&self) {}
        fn failed(&self) {}
        fn pause(&self) {}
        fn succeeded(&self) {}
        fn run(&self) {}
        fn classify(&self) {}
        fn clone(&self) {}
        fn is_zero(&self) {}
        fn timeout(&self) {}
    }
    impl<T: ?Sized> Everything for T {}

    #[::steadfast::retry(
        clone(name),
        on = [Error],
        not_on = [ErrorKind::NotFound],
        context = attempt,
        deadline = "1h",
        on_retry = hook
    )]
    pub(super) fn sync(
        calls: &super::Cell<u32>,
        name: ::std::string::String,
        mut n: u32,
    ) -> Answer {
        n += attempt.number();
        ::core::mem::drop(name);
        super::third(calls).map(|value| value + n)
    }

    #[::steadfast::retry(
        clone(name),
        on = [Error],
        not_on = [ErrorKind::NotFound],
        context = attempt,
        deadline = "1h",
        attempt_timeout = "1m",
        on_retry = hook
    )]
    pub(super) async fn future(
        calls: &super::Cell<u32>,
        name: ::std::string::String,
        mut n: u32,
    ) -> Answer {
        n += attempt.number();
        ::core::mem::drop(name);
        super::third(calls).map(|value| value + n)
    }

    #[::steadfast::retry(when_value = |n| *n < 3, classify_value = |_| ::core::option::Option::None)]
    pub(super) fn polled(calls: &super::Cell<u32>) -> u32 {
        calls.set(calls.get() + 1);
        calls.get()
    }

    #[::steadfast::retry(sleep = sleep, base_delay = "1ms", factor = 1.5, budget(ratio = 0.5))]
    pub(super) fn boxed(
        calls: &super::Cell<u32>,
    ) -> ::core::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = Answer> + '_>> {
        ::std::boxed::Box::pin(async move { super::third(calls) })
    }

    async fn sleep(_: ::core::time::Duration) {}

    fn hook(_: &::steadfast::RetryEvent<'_>) {}
}

mod without_prelude {
    #![no_implicit_prelude]

    #[::steadfast::retry(clone(name), jitter = "equal", attempt_timeout = "1m", deadline = "1h")]
    pub(super) async fn future(
        calls: &super::Cell<u32>,
        name: ::std::string::String,
    ) -> ::std::io::Result<u32> {
        ::std::mem::drop(name);
        super::third(calls)
    }

    #[::steadfast::retry(on = [::std::io::Error], max_attempts = 4)]
    pub(super) fn sync(calls: &super::Cell<u32>) -> ::std::io::Result<u32> {
        super::third(calls)
    }

    #[::steadfast::retry(when_value = |n| *n < 3)]
    pub(super) fn polled(calls: &super::Cell<u32>) -> u32 {
        calls.set(calls.get() + 1);
        calls.get()
    }
}

#[tokio::test]
async fn shadowed_names_and_no_prelude() {
    let _scope = testing::scope();
    let calls = Cell::new(0);
    let again = || {
        calls.set(0);
        &calls
    };
    assert_eq!(shadowed::sync(again(), "x".into(), 1).unwrap(), 3 + 1 + 3);
    assert_eq!(shadowed::future(again(), "x".into(), 1).await.unwrap(), 3 + 1 + 3);
    assert_eq!(shadowed::polled(again()), 3);
    assert_eq!(shadowed::boxed(again()).await.unwrap(), 3);
    assert_eq!(without_prelude::future(again(), "x".into()).await.unwrap(), 3);
    assert_eq!(without_prelude::sync(again()).unwrap(), 3);
    assert_eq!(without_prelude::polled(again()), 3);
}

/// A type of the user's in options, methods and closures, with methods named as ours.
#[derive(Debug)]
struct Mine(u32);

impl Mine {
    fn error(&self) -> bool {
        self.0 > 0
    }

    fn any(&self, test: impl Fn(u32) -> bool) -> bool {
        test(self.0)
    }

    fn class(&self) -> Classification {
        Classification::retryable()
    }
}

#[retry(when = |mine| mine.error() && mine.any(|n| n > 0))]
fn own_methods(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(1))
}

#[retry(classify = Mine::class)]
async fn own_class(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(0))
}

#[retry(classify = |mine| mine.class(), on_retry = |event| { assert!(event.error.is_none()); })]
fn own_closure(calls: &Cell<u32>) -> Result<u32, Mine> {
    third(calls).map_err(|_| Mine(0))
}

#[tokio::test]
async fn methods_of_the_user_named_as_ours() {
    let _scope = testing::scope();
    assert_eq!(own_methods(&Cell::new(0)).unwrap(), 3);
    assert_eq!(own_class(&Cell::new(0)).await.unwrap(), 3);
    assert_eq!(own_closure(&Cell::new(0)).unwrap(), 3);
}
