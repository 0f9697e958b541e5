//! What each attribute does, on plain tokens: parse, validate, expand.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;

use crate::diagnostics::Diagnostics;
use crate::expand;
use crate::limits;
use crate::parse;
use crate::siblings::{self, Attribute};
use crate::signature::Function;
use crate::validate;

pub(crate) fn retry(args: TokenStream, item: &TokenStream) -> TokenStream {
    annotated(Attribute::Retry, args, item)
}

pub(crate) fn circuit_breaker(args: TokenStream, item: &TokenStream) -> TokenStream {
    annotated(Attribute::Breaker, args, item)
}

pub(crate) fn idempotent(args: TokenStream, item: &TokenStream) -> TokenStream {
    annotated(Attribute::Idempotent, args, item)
}

/// The function below `first`, which sees every other attribute of ours and expands it with it.
fn annotated(first: Attribute, args: TokenStream, item: &TokenStream) -> TokenStream {
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
        Err(error) => return not_a_function(first, item, &error),
    };
    let (siblings, taken_off) = siblings::collect(first, args, &mut function, &mut diagnostics);
    let stack = parse::stack(siblings, &function.facts(), &mut diagnostics);
    validate::stack(&stack, &mut diagnostics);
    validate::function(&function, first, &stack, &mut diagnostics);
    match &function.body {
        Some(body) if diagnostics.is_empty() => {
            taken_off.looked_up_in(expand::expand(&function, body, &stack.into_model()))
        }
        _ => {
            let faults = diagnostics.into_tokens();
            let function = taken_off.looked_up_in(function.untouched());
            quote!(#function #faults)
        }
    }
}

/// The item stays, so that nothing else breaks.
fn not_a_function(attribute: Attribute, item: &TokenStream, error: &syn::Error) -> TokenStream {
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
    let name = attribute.name();
    let by_hand = match attribute {
        Attribute::Retry => "write a `fn`, or call a policy: `POLICY.call(|attempt| …)`",
        Attribute::Breaker => "write a `fn`, or call a breaker: `PAYMENTS.call(|| …)`",
        Attribute::Idempotent => "write a `fn`, whose arguments make the key",
    };
    let mut diagnostics = Diagnostics::default();
    let is_closure = matches!(&found, Some((_, word)) if word == "closure");
    match found {
        Some((span, word)) => diagnostics.error(
            span,
            format_args!("`{name}` stands on a function, found `{word}`"),
            match word.as_str() {
                "impl" | "trait" if attribute == Attribute::Retry => {
                    "put it on the methods that are to be retried"
                }
                "impl" | "trait" => "put it on the methods",
                "closure" | "let" => by_hand,
                _ => "put it on a `fn` or an `async fn`",
            },
        ),
        None => diagnostics.error(
            item.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span()),
            format_args!("`{name}` cannot read this function: {error}"),
            "put it on a `fn` or an `async fn`",
        ),
    }
    let faults = diagnostics.into_tokens();
    // Where a closure stands, nothing but one expression may come back.
    if is_closure { quote!({ #faults #item }) } else { quote!(#item #faults) }
}

#[cfg(test)]
mod any_tokens;
