//! What each attribute does, on plain tokens: parse, validate, expand.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;

use crate::diagnostics::Diagnostics;
use crate::expand;
use crate::limits;
use crate::model::{Budget, Stack};
use crate::parse;
use crate::siblings;
use crate::signature::Function;

pub(crate) fn retry(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    if limits::head_too_nested(item) {
        diagnostics.error(
            Span::call_site(),
            "the function below is nested too deeply to be read",
            "name the inner types: `type Inner = …;`",
        );
        let faults = diagnostics.into_tokens();
        return quote!(#item #faults);
    }
    let mut function = match Function::read(item) {
        Ok(function) => function,
        Err(error) => {
            return not_a_function("retry", item, &error);
        }
    };
    siblings::collect("retry", &mut function, &mut diagnostics);
    let model = parse::retry(args, &function.facts(), &mut diagnostics);
    if let Some(Budget::Inline(inline)) = model.budget.as_ref().map(|budget| &budget.value)
        && let Some(key) = &inline.key
    {
        diagnostics.error(
            key.key,
            "this version of `steadfast` keeps one budget a function or a name, none for each key",
            "take `key` off, or share a budget with `name = \"…\"`",
        );
    }
    refuse(
        &function,
        model.when_value.is_some() || model.classify_value.is_some(),
        &mut diagnostics,
    );
    match &function.body {
        Some(body) if diagnostics.is_empty() => {
            let stack = Stack { idempotent: None, retry: Some(model), breaker: None };
            expand::expand(&function, body, &stack)
        }
        _ => {
            let faults = diagnostics.into_tokens();
            let function = function.untouched();
            quote!(#function #faults)
        }
    }
}

/// Functions that cannot be called again.
fn refuse(function: &Function, looks_at_values: bool, diagnostics: &mut Diagnostics) {
    let signature = &function.signature;
    let span = signature.ident.span();
    if function.body.is_none() {
        diagnostics.error(
            span,
            "`retry` needs a body to call again, and this method has none",
            "put `#[retry]` on the methods of the `impl` blocks, or give this one a default body",
        );
    }
    if let Some(token) = &signature.constness {
        diagnostics.error(
            token.span,
            "a `const fn` cannot be retried: nothing waits at compile time",
            "take `const` off",
        );
    }
    if let Some(abi) = &signature.abi {
        diagnostics.error(
            syn::spanned::Spanned::span(abi),
            "a function with a foreign ABI cannot be retried: its callers know nothing of `Result`",
            "put `#[retry]` on a function that this one calls",
        );
    }
    match function.output() {
        None if !looks_at_values => diagnostics.error(
            span,
            format_args!("`{}` returns `()`, which cannot fail", signature.ident),
            "return a `Result<T, E>` or an `Option<T>`",
        ),
        Some(output @ syn::Type::Tuple(tuple)) if tuple.elems.is_empty() && !looks_at_values => {
            diagnostics.error(
                syn::spanned::Spanned::span(output),
                format_args!("`{}` returns `()`, which cannot fail", signature.ident),
                "return a `Result<T, E>` or an `Option<T>`",
            );
        }
        Some(syn::Type::Never(never)) => diagnostics.error(
            never.bang_token.span,
            format_args!("`{}` never returns, so there is nothing to retry", signature.ident),
            "return a `Result<T, E>` or an `Option<T>`",
        ),
        _ => {}
    }
    if let Some(syn::FnArg::Receiver(receiver)) = signature.inputs.first()
        && let (syn::ReceiverKind::Value, Some(mutability)) = (&receiver.kind, &receiver.mutability)
    {
        diagnostics.error(
            mutability.span,
            "`mut self` would carry the changes of a failed attempt into the next one",
            "take `&self`, and begin the body with a clone of what it changes",
        );
    }
}

/// The item stays, so that nothing else breaks.
fn not_a_function(attribute: &str, item: &TokenStream, error: &syn::Error) -> TokenStream {
    let found = item.clone().into_iter().find_map(|token| match &token {
        TokenTree::Ident(ident) => match ident.to_string().as_str() {
            word @ ("struct" | "enum" | "union" | "impl" | "trait" | "mod" | "const" | "static"
            | "type" | "let" | "use" | "macro_rules") => Some((ident.span(), word.to_owned())),
            _ => None,
        },
        TokenTree::Punct(punct) if punct.as_char() == '|' => {
            Some((punct.span(), "closure".to_owned()))
        }
        _ => None,
    });
    let mut diagnostics = Diagnostics::default();
    let is_closure = matches!(&found, Some((_, word)) if word == "closure");
    match found {
        Some((span, word)) => diagnostics.error(
            span,
            format_args!("`{attribute}` stands on a function, found `{word}`"),
            match word.as_str() {
                "impl" | "trait" => "put it on the methods that are to be retried",
                "closure" | "let" => "write a `fn`, or call a policy: `POLICY.call(|attempt| …)`",
                _ => "put it on a `fn` or an `async fn`",
            },
        ),
        None => diagnostics.error(
            item.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span()),
            format_args!("`{attribute}` cannot read this function: {error}"),
            "put it on a `fn` or an `async fn`",
        ),
    }
    let faults = diagnostics.into_tokens();
    // Where a closure stands, nothing but one expression may come back.
    if is_closure { quote!({ #faults #item }) } else { quote!(#item #faults) }
}

#[cfg(test)]
mod any_tokens;
