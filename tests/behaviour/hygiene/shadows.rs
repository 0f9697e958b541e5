//! Names that a user may have made their own, and a module without a prelude.

use std::cell::Cell;

use steadfast::testing;

use super::third;

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
