//! The library under another path.

use std::cell::Cell;
use std::io;

use steadfast::{retry, testing};

use super::third;

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

#[retry(crate = crate::hygiene::paths::library::reexport, attempt_timeout = "1s")]
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
