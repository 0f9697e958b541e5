//! The attributes of `steadfast`. Depend on `steadfast`, which re-exports them.

mod diagnostics;
mod entry;
mod expand;
mod model;
mod options;
mod parse;
mod runtime_path;
mod siblings;
mod signature;
mod validate;
mod values;

use proc_macro::TokenStream;

/// Calls the body again when it fails in a way that may pass.
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::retry(args.into(), item.into()).into()
}
