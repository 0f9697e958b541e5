//! Tokens that nobody means: too many, too deep, or any at all.

use proc_macro2::TokenStream;

use super::{facts, read, refused, sync};
use crate::diagnostics::Diagnostics;
use crate::parse::{Around, retry};

#[test]
fn nesting_and_length_are_refused_before_they_overflow() {
    let what = "a value of `when` is too long or too deeply nested to be read";
    let help = "move it into a `const`, a type alias or a function, and name it here";
    refused(&format!("when = {}x{}", "(".repeat(40), ")".repeat(40)), what, help);
    refused(&format!("when = {}x", "!".repeat(10_000)), what, help);
    refused(
        &format!("when = a{}", " + a".repeat(10_000)),
        what.replace("when", "retry").as_str(),
        help,
    );
    let nestings = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("S { a: ", "}"),
        ("async {", "}"),
        ("!", ""),
        ("&", ""),
        ("- ", ""),
        ("*const ", ""),
        ("&'a ", ""),
        ("|a| ", ""),
        ("x @ ", ""),
        ("a = ", ""),
        ("a + ", ""),
        ("x as ", ""),
        ("x..", ""),
        ("a.b", ""),
        ("return ", ""),
        ("break ", ""),
        ("let x = ", ""),
        ("match ", "{}"),
        ("if a {} else ", ""),
        ("if a {} else if ", ""),
        ("Vec::<", ">"),
        ("Vec<", ">"),
        ("A<B, ", ">"),
        ("A::<", ">::B"),
        ("<", ">::x"),
        ("<A as ", ">::x"),
        ("fn() -> ", ""),
        ("for<'a> fn() -> ", ""),
        ("impl Fn() -> ", ""),
        ("dyn Fn(", ")"),
        ("(A, ", ")"),
        ("A | ", ""),
        ("A(", ")"),
        ("A { x: ", "}"),
        ("ref x @ ", ""),
        ("x?", ""),
        ("x()", ""),
        ("box ", ""),
        ("A + ", ""),
        ("#[a] ", ""),
        ("'a: ", ""),
        ("while a {} ", ""),
        ("yield ", ""),
        ("?", ""),
        ("~", ""),
        ("unsafe {", "}"),
        ("const {", "}"),
        ("[u8; ", "]"),
        ("for x in ", "{}"),
        ("while ", "{}"),
        ("if ", "{}"),
        ("async move ", ""),
        ("move || ", ""),
        ("|a: ", "| b"),
        ("x: ", ""),
        ("mut ", ""),
        ("&mut ", ""),
        ("loop {", "}"),
        ("..", ""),
        ("..=", ""),
    ];
    for (open, close) in nestings {
        for depth in [15, 31, 63, 150, 450] {
            let value = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            for args in [
                format!("when = {value}"),
                format!("on = [{value}]"),
                format!("on = {value}"),
                value,
            ] {
                // Only that it returns; not everything here can be split into tokens.
                if args.parse::<TokenStream>().is_ok() {
                    read(&args, &facts());
                }
            }
        }
    }
}

#[test]
fn no_tokens_panic() {
    const PIECES: [&str; 48] = [
        "max_attempts",
        "on",
        "not_on",
        "when",
        "backoff",
        "base_delay",
        "deadline",
        "budget",
        "clone",
        "context",
        "name",
        "crate",
        "key",
        "ratio",
        "soft",
        "is",
        "any",
        "=",
        "=",
        "=",
        ",",
        ",",
        ",",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "::",
        "|",
        "-",
        "..=",
        "..",
        "&",
        "'a",
        "\"1s\"",
        "\"\"",
        "3",
        "0",
        "1e999",
        "true",
        "A",
        "a::B",
        "_",
        "if",
    ];
    // A fixed linear congruence: the same strings on every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for _ in 0..10_000 {
        let text: Vec<&str> = (0..next(14)).map(|_| PIECES[next(PIECES.len())]).collect();
        let Ok(tokens) = text.join(" ").parse::<TokenStream>() else { continue };
        let mut diagnostics = Diagnostics::default();
        let facts = if next(2) == 0 { facts() } else { sync() };
        let around = Around { facts: &facts, place: &TokenStream::new(), alone: true };
        retry(tokens, around, &mut diagnostics);
        let output = diagnostics.into_tokens();
        syn::parse2::<syn::File>(output).expect("faults are items");
    }
}
