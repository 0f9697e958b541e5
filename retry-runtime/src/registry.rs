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
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::opaque::Opaque;
use crate::operation::{Operation, State};

/// The operation that was added last; its state has the one before it. Nothing here allocates:
/// constructors run early.
static LAST: Mutex<Option<Opaque<Operation>>> = Mutex::new(None);

/// Set by the facade's own constructor: functions that never ran are known, too.
static COMPLETE: AtomicBool = AtomicBool::new(false);

/// Says that constructors run.
pub extern "C" fn prove() {
    COMPLETE.store(true, Relaxed);
}

pub(crate) fn complete() -> bool {
    COMPLETE.load(Relaxed)
}

impl Operation {
    /// Adds the operation to the list, unless it is there.
    pub extern "C" fn list(&'static self) {
        if self.state.is_first_listing() {
            let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
            *self.state.before.lock().unwrap_or_else(PoisonError::into_inner) = *last;
            *last = Some(Opaque::new(self));
        }
    }
}

/// Lists an operation at its first slow event, if nothing did before. `state` may be a test scope's.
#[inline]
pub(crate) fn see(operation: &'static Operation, state: &State) {
    if !state.is_listed() {
        list(operation, state);
    }
}

#[cold]
#[inline(never)]
fn list(operation: &'static Operation, state: &State) {
    if std::ptr::eq(operation.state, state) {
        operation.list();
    }
}

/// All operations that are known, by name, file and line.
pub(crate) fn all() -> Vec<&'static Operation> {
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<_> = iter::successors(last, |operation| {
        *operation.state.before.lock().unwrap_or_else(PoisonError::into_inner)
    })
    .map(Opaque::get)
    .collect();
    all.sort_unstable_by_key(|operation| {
        (operation.name, operation.file, operation.line, std::ptr::from_ref(*operation).addr())
    });
    all
}

/// Has the loader list an operation, a `static`. Generated code writes it as a statement of the
/// function, after its statics: `register!(__STEADFAST_OPERATION);`. Without an argument it is the
/// proof that the facade gives.
#[cfg(feature = "operations")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    () => {
        $crate::__private::start! {
            static __STEADFAST_START: extern "C" fn() = $crate::__private::prove;
        }
    };
    ($operation:ident) => {
        extern "C" fn __steadfast_start() {
            $operation.list();
        }
        $crate::__private::start! {
            static __STEADFAST_START: extern "C" fn() = __steadfast_start;
        }
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
        OPERATION.list();
        see(&OPERATION, &STATE);
        see(&OPERATION, &State::new());
        OPERATION.list();
        let listed =
            all().into_iter().filter(|other| std::ptr::eq(*other, &raw const OPERATION)).count();
        assert_eq!(listed, 1);
    }

    #[test]
    fn a_state_of_a_test_scope_lists_nothing() {
        static STATE: State = State::new();
        static UNSEEN: Operation =
            Operation::new("registry::unseen", file!(), line!(), &STATE, RetryPolicy::new());
        see(&UNSEEN, &State::new());
        assert!(!all().into_iter().any(|other| std::ptr::eq(other, &raw const UNSEEN)));
    }
}
