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
    annotated(Attribute::Retry, args, item, Diagnostics::default())
}

pub(crate) fn circuit_breaker(args: TokenStream, item: &TokenStream) -> TokenStream {
    annotated(Attribute::Breaker, args, item, Diagnostics::default())
}

pub(crate) fn idempotent(args: TokenStream, item: &TokenStream) -> TokenStream {
    annotated(Attribute::Idempotent, args, item, Diagnostics::default())
}

/// What `idempotent` is in a library that is built without the feature of that name.
pub(crate) fn idempotent_without_feature(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    diagnostics.error(
        Span::call_site(),
        "`#[idempotent]` needs the feature `idempotent` of `steadfast`",
        "run `cargo add steadfast --features idempotent`; a store's feature (`redb`, \
         `redis-store`, `postgres`) brings it, too",
    );
    annotated(Attribute::Idempotent, args, item, diagnostics)
}

/// The function below `first`, which sees every other attribute of ours and expands it with it,
/// unless there are faults.
fn annotated(
    first: Attribute,
    args: TokenStream,
    item: &TokenStream,
    mut diagnostics: Diagnostics,
) -> TokenStream {
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
        Err(error) => return not_a_function(first, item, &error, diagnostics),
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
fn not_a_function(
    attribute: Attribute,
    item: &TokenStream,
    error: &syn::Error,
    mut diagnostics: Diagnostics,
) -> TokenStream {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_feature_idempotent_says_which_to_enable_and_the_function_stays() {
        let tokens = idempotent_without_feature(
            quote!(key = "order_{order}", map_error = io::Error::other),
            &quote! {
                fn charge(order: u64) -> io::Result<u64> { Ok(order) }
            },
        );
        let text = tokens.to_string();
        assert!(text.contains("cargo add steadfast --features idempotent"), "{text}");
        let file: syn::File = syn::parse2(tokens).expect("items");
        let named = |item: &syn::Item| matches!(item, syn::Item::Fn(f) if f.sig.ident == "charge");
        assert!(file.items.iter().any(named), "{text}");
        // Nothing else is said of an attribute that is right.
        assert_eq!(text.matches("compile_error").count(), 1, "{text}");
    }
}
