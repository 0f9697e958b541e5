//! An item with an attribute of ours, as text: no panic, and a function that parses comes back as
//! something that parses.

#![no_main]

use std::str::FromStr;

use libfuzzer_sys::{Corpus, fuzz_target};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use retry_macros_plain::ATTRIBUTES;

fuzz_target!(|text: &str| -> Corpus {
    // Lexing and printing descend into groups by recursion, which is not what is tested.
    if text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count() > 300 {
        return Corpus::Reject;
    }
    let Ok(tokens) = TokenStream::from_str(text) else { return Corpus::Reject };
    let Some((name, arguments, item)) = taken_apart(tokens) else { return Corpus::Reject };
    let Some((_, expand)) = ATTRIBUTES.iter().find(|(known, _)| *known == name) else {
        return Corpus::Reject;
    };
    let is_function = syn::parse2::<syn::ItemFn>(item.clone()).is_ok();
    let printed = expand(arguments, &item).to_string();
    let output = TokenStream::from_str(&printed).expect("the expansion lexes again");
    if is_function && let Err(error) = syn::parse2::<syn::File>(output) {
        panic!("the expansion does not parse: {error}\n{printed}");
    }
    Corpus::Keep
});

/// `#[name(arguments)] item`, as a compiler would hand it over.
fn taken_apart(tokens: TokenStream) -> Option<(String, TokenStream, TokenStream)> {
    let mut tokens = tokens.into_iter();
    let (Some(TokenTree::Punct(hash)), Some(TokenTree::Group(attribute))) =
        (tokens.next(), tokens.next())
    else {
        return None;
    };
    if hash.as_char() != '#' || attribute.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut attribute = attribute.stream().into_iter();
    let Some(TokenTree::Ident(name)) = attribute.next() else { return None };
    let arguments = match attribute.next() {
        None => TokenStream::new(),
        Some(TokenTree::Group(group)) => group.stream(),
        Some(_) => return None,
    };
    Some((name.to_string(), arguments, tokens.collect()))
}
