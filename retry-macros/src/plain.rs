//! The same sources as a library that anything can call: the root of what `fuzz/` builds, and of
//! nothing else. A procedural macro itself runs in a compiler alone.

mod derive;
mod diagnostics;
mod durations;
mod entries;
mod entry;
mod expand;
mod items;
mod limits;
mod model;
mod options;
mod parse;
mod runtime_path;
mod siblings;
mod signature;
mod templates;
mod validate;
mod values;

use proc_macro2::TokenStream;

/// An attribute: its arguments and the item below it.
pub type Attribute = fn(TokenStream, &TokenStream) -> TokenStream;

/// Every attribute under its name.
pub const ATTRIBUTES: [(&str, Attribute); 4] = [
    ("retry", entry::retry),
    ("circuit_breaker", entry::circuit_breaker),
    ("idempotent", entry::idempotent),
    ("idempotent_without_feature", entry::idempotent_without_feature),
];

/// `#[derive(Classify)]`.
pub fn classify(input: TokenStream) -> TokenStream {
    expand::classify::derive_classify(input)
}
