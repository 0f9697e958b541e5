//! A type with `#[derive(Classify)]`, as text: no panic, and what comes back parses.

#![no_main]

use std::str::FromStr;

use libfuzzer_sys::{Corpus, fuzz_target};
use proc_macro2::TokenStream;

fuzz_target!(|text: &str| -> Corpus {
    // Lexing and printing descend into groups by recursion, which is not what is tested.
    if text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count() > 300 {
        return Corpus::Reject;
    }
    let Ok(tokens) = TokenStream::from_str(text) else { return Corpus::Reject };
    let is_type = syn::parse2::<syn::DeriveInput>(tokens.clone()).is_ok();
    let printed = retry_macros_plain::classify(tokens).to_string();
    let output = TokenStream::from_str(&printed).expect("the expansion lexes again");
    if is_type && let Err(error) = syn::parse2::<syn::File>(output) {
        panic!("the expansion does not parse: {error}\n{printed}");
    }
    Corpus::Keep
});
