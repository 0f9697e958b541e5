//! A constant that is built option by option.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// One statement for each option, `let NAME = NAME.option(value);`, located at the value: what const
/// evaluation refuses is underlined there.
pub(super) struct Chain {
    name: &'static str,
    statements: TokenStream,
}

impl Chain {
    /// No option yet, of the constant that is called `name` while it is built.
    pub(super) fn of(name: &'static str) -> Self {
        Self { name, statements: TokenStream::new() }
    }

    pub(super) fn add(&mut self, span: Span, method: &str, value: impl ToTokens) {
        let span = Span::mixed_site().located_at(span);
        let (name, method) = (Ident::new(self.name, span), Ident::new(method, span));
        self.statements.extend(quote_spanned!(span => let #name = #name.#method(#value);));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

impl ToTokens for Chain {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.statements.to_tokens(tokens);
    }
}
