//! Where generated code finds the runtime.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// The tokens with their own hygiene, located at `span`. An expression is underlined from its first
/// token to its last, so that a single token left at the attribute underlines everything between.
pub(crate) fn at(tokens: &TokenStream, span: Span) -> TokenStream {
    tokens
        .clone()
        .into_iter()
        .map(|mut token| {
            token.set_span(token.span().located_at(span));
            token
        })
        .collect()
}

/// `::steadfast::__private`, or the same below what `crate = path` says.
pub(crate) fn private(crate_path: Option<&Path>) -> TokenStream {
    let span = Span::mixed_site();
    match crate_path {
        Some(path) => {
            let path = path.to_token_stream();
            quote_spanned!(span => #path::__private)
        }
        None => quote_spanned!(span => ::steadfast::__private),
    }
}
