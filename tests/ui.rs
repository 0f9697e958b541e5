//! What does not compile, and in which words; what compiles, and without a single warning.
//!
//! The words are those of rustc 1.95, with ours inside: other releases draw notes differently. With
//! another compiler only the cases that compile are run. After a change of words:
//! `TRYBUILD=overwrite cargo test --test ui`, and read every caret of the difference.
//!
//! `retry_05_…` is the case of item 5 in the list of wrong usages.

use std::process::Command;

// As modules the lints of clippy see them, too; below they are crates of their own.
#[path = "ui/pass/borrowing.rs"]
mod borrowing;
#[path = "ui/pass/every_option.rs"]
mod every_option;
#[path = "ui/pass/forbidding.rs"]
mod forbidding;
#[path = "ui/pass/inferring.rs"]
mod inferring;
#[path = "ui/pass/shapes.rs"]
mod shapes;
#[path = "ui/pass/smallest.rs"]
mod smallest;
#[path = "ui/pass/stacked.rs"]
mod stacked;

const PINNED: &str = "rustc 1.95.";

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    String::from_utf8(version.stdout).unwrap()
}

#[test]
fn misuse_is_told_in_our_words_at_the_place() {
    let version = compiler();
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    if version.starts_with(PINNED) {
        cases.compile_fail("tests/ui/*.rs");
    } else {
        eprintln!("skipped: messages are pinned to {PINNED}*, this is {version}");
    }
}

#[test]
fn what_is_right_runs_without_a_warning() {
    smallest::main();
    stacked::main();
    every_option::main();
    shapes::main();
    borrowing::main();
    inferring::main();
    forbidding::main();
}
