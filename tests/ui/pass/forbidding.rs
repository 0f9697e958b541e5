#![forbid(warnings, unsafe_code)]
#![deny(missing_docs, unreachable_pub, unused_qualifications, single_use_lifetimes)]

//! A crate that forbids what an expansion might have wanted to allow.

use steadfast::retry;

/// Fetches.
///
/// # Errors
///
/// Never.
#[retry(max_attempts = 4, base_delay = "10ms")]
#[must_use = "it was fetched"]
#[inline]
pub(crate) fn fetch<'a, const N: usize>(parts: &'a [&'a str; N]) -> std::io::Result<&'a str> {
    Ok(parts[N - 1])
}

mod without_prelude {
    #![no_implicit_prelude]

    #[::steadfast::retry(on = any)]
    pub(super) async fn fetch() -> ::std::result::Result<u32, ::std::fmt::Error> {
        ::std::result::Result::Ok(1)
    }
}

mod shadowed {
    pub(super) struct Result;
    pub(super) struct Option;
    pub(super) struct Box;

    #[::steadfast::retry]
    pub(super) fn fetch() -> ::std::io::Result<u32> {
        Ok(1)
    }
}

/// Runs.
pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(fetch(&["a", "b"]).unwrap(), "b");
    assert_eq!(runtime.block_on(without_prelude::fetch()).unwrap(), 1);
    assert_eq!(shadowed::fetch().unwrap(), 1);
    let _ = (shadowed::Result, shadowed::Option, shadowed::Box);
}
