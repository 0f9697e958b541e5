//! Which annotated functions the program holds, called or not.
//!
//! Every expansion puts a constructor beside the function's statics: a function that the loader
//! calls before `main`, or when a dynamic library is opened, and that links a static into a list.
//! Where a target has no constructors, or the feature is off, a function is known once something
//! slow has happened to it. [`complete`] tells the two apart by the facade's own entry, not by a list
//! of targets.
//!
//! The crates made for this were tried and cannot be used: `inventory::submit!` and the elements of
//! `linkme` bring `#[allow]`s, which a crate that forbids `nonstandard_style` or a group of Clippy
//! refuses, and `linkme` depends on the linker keeping sections that nobody names. A constructor
//! needs nothing unsafe but its place in the binary, where the loader takes what it finds for a
//! function; here the type says that it is one. The attribute stands in a macro of this crate, so
//! that `forbid(unsafe_code)` of the user's crate, which is about the user's code, does not see it.

use std::iter;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::operation::{Operation, State};

/// The last entry that a constructor added.
static LINKED: Mutex<Option<&'static Registered>> = Mutex::new(None);

/// Operations that had a slow event, for lack of a better list, and those that no attribute made.
static SEEN: Mutex<Vec<&'static Operation>> = Mutex::new(Vec::new());

/// An entry of the list: an operation, or, without one, the proof that there is a list.
#[derive(Debug)]
pub struct Registered {
    operation: Option<&'static Operation>,
    /// Set when the entry is added. Nothing here allocates: constructors run early.
    next: OnceLock<Option<&'static Registered>>,
}

impl Registered {
    /// The entry of an annotated function.
    #[must_use]
    pub const fn new(operation: &'static Operation) -> Self {
        Self { operation: Some(operation), next: OnceLock::new() }
    }

    /// The entry that says that constructors run.
    #[must_use]
    pub const fn proof() -> Self {
        Self { operation: None, next: OnceLock::new() }
    }

    /// Adds the entry. A second time, as WebAssembly may run constructors, changes nothing.
    pub fn add(&'static self) {
        let mut last = LINKED.lock().unwrap_or_else(PoisonError::into_inner);
        if self.next.set(*last).is_ok() {
            *last = Some(self);
        }
    }
}

fn linked() -> impl Iterator<Item = &'static Registered> {
    let last = *LINKED.lock().unwrap_or_else(PoisonError::into_inner);
    iter::successors(last, |entry| entry.next.get().copied().flatten())
}

/// Whether functions that never ran are known, too.
pub(crate) fn complete() -> bool {
    linked().any(|entry| entry.operation.is_none())
}

/// Notes an operation at its first slow event.
pub(crate) fn see(operation: &'static Operation, state: &State) {
    if state.first_seen() && std::ptr::eq(operation.state, state) {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }
}

/// All operations that are known, by name, file and line.
pub(crate) fn all() -> Vec<&'static Operation> {
    let mut all: Vec<_> = linked().filter_map(|entry| entry.operation).collect();
    all.extend_from_slice(&SEEN.lock().unwrap_or_else(PoisonError::into_inner));
    all.sort_unstable_by_key(|operation| {
        (operation.name, operation.file, operation.line, std::ptr::from_ref(*operation).addr())
    });
    all.dedup_by(|one, other| std::ptr::eq(*one, *other));
    all
}

/// Puts an operation, a `static`, on the list. Generated code writes it as a statement of the
/// function, after its statics: `register!(__STEADFAST_OPERATION);`. Without an argument it is the
/// proof that the facade gives.
#[cfg(feature = "operations")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    () => {
        $crate::__register! { = $crate::__private::Registered::proof() }
    };
    ($operation:ident) => {
        $crate::__register! { = $crate::__private::Registered::new(&$operation) }
    };
    (= $entry:expr) => {
        const _: () = {
            static ENTRY: $crate::__private::Registered = $entry;
            extern "C" fn add() {
                ENTRY.add();
            }
            $crate::__private::start! { static CONSTRUCTOR: extern "C" fn() = add; }
        };
    };
}

/// Nothing, without the feature.
#[cfg(not(feature = "operations"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($($operation:ident)?) => {};
}

/// Puts a static where the loader looks for constructors.
#[cfg(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "haiku",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
    target_family = "wasm",
))]
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($item:item) => {
        #[used]
        #[unsafe(link_section = ".init_array")]
        $item
    };
}

/// Puts a static where the loader looks for constructors.
#[cfg(target_vendor = "apple")]
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($item:item) => {
        #[used]
        #[unsafe(link_section = "__DATA,__mod_init_func,mod_init_funcs")]
        $item
    };
}

/// Puts a static where the loader looks for constructors.
#[cfg(windows)]
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($item:item) => {
        #[used]
        #[unsafe(link_section = ".CRT$XCU")]
        $item
    };
}

/// Nothing, where no place is known.
#[cfg(not(any(
    target_os = "android",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "haiku",
    target_os = "illumos",
    target_os = "linux",
    target_os = "netbsd",
    target_os = "openbsd",
    target_family = "wasm",
    target_vendor = "apple",
    windows,
)))]
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($item:item) => {};
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RetryPolicy;

    static STATE: State = State::new();
    static OPERATION: Operation =
        Operation::new("registry::listed_once", file!(), line!(), &STATE, RetryPolicy::new());

    #[test]
    fn an_operation_is_listed_once_however_it_became_known() {
        static ENTRY: Registered = Registered::new(&OPERATION);
        static AGAIN: Registered = Registered::new(&OPERATION);
        static PROOF: Registered = Registered::proof();
        for entry in [&ENTRY, &AGAIN, &ENTRY, &PROOF, &ENTRY] {
            entry.add();
        }
        see(&OPERATION, &STATE);
        see(&OPERATION, &STATE);
        let listed =
            all().into_iter().filter(|other| std::ptr::eq(*other, &raw const OPERATION)).count();
        assert_eq!(listed, 1);
        assert!(complete());
    }
}
