//! The expression that classifies an error: what `on`, `not_on`, `when` and `classify` become.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::model::{Entry, Retry, Rule};
use crate::runtime_path::at;

/// An expression of type `Classification`, given `error: &E`.
pub(crate) fn of_error(
    model: &Retry,
    error: &TokenStream,
    output_span: Span,
    private: &TokenStream,
) -> TokenStream {
    let site = Span::mixed_site();
    let own = quote_spanned!(site => || (&&&#private::find::own_class(#error)).steadfast_class());
    let decided = |retry: TokenStream| quote_spanned!(site => #private::decided(#retry, #own));
    let chosen = match model.rule.as_ref().map(|rule| &rule.value) {
        None => {
            let span = site.located_at(output_span);
            let (private, error) = (at(private, span), at(error, span));
            quote_spanned!(span => #private::Classify::classify(#error))
        }
        Some(Rule::Any) => decided(quote!(true)),
        Some(Rule::On(entries)) => decided(any(entries, error, private)),
        Some(Rule::When(when)) => {
            let span = site.located_at(when.span());
            let (private, error) = (at(private, span), at(error, span));
            decided(
                quote_spanned!(span => #private::choose::<_, ::core::primitive::bool>(#when, #error)),
            )
        }
        Some(Rule::Classify(classify)) => {
            let span = site.located_at(classify.span());
            let (private, error) = (at(private, span), at(error, span));
            quote_spanned!(span => #private::choose::<_, #private::Classification>(#classify, #error))
        }
    };
    if model.not_on.is_empty() {
        return chosen;
    }
    let never = any(&model.not_on, error, private);
    quote_spanned!(site => if #never { #private::Classification::permanent() } else { #chosen })
}

/// Whether the classification of an attempt that timed out was turned off.
pub(crate) fn timeouts_are_permanent(model: &Retry) -> bool {
    model.not_on.iter().any(|entry| {
        matches!(entry, Entry::Type(syn::Type::Path(path))
            if path.path.segments.last().is_some_and(|last| last.ident == "AttemptTimeout"))
    })
}

fn any(entries: &[Entry], error: &TokenStream, private: &TokenStream) -> TokenStream {
    let tests = entries.iter().map(|entry| one(entry, error, private));
    quote_spanned!(Span::mixed_site() => #(#tests)||*)
}

fn one(entry: &Entry, error: &TokenStream, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    match entry {
        Entry::Type(ty) => {
            let span = site.located_at(ty.span());
            let (private, error) = (at(private, span), at(error, span));
            quote_spanned!(span => (&&&&#private::find::probe::<#ty, _>(#error)).steadfast_any(|_| true))
        }
        Entry::Variant { owner, variant } => {
            // A constant has no fields to leave out.
            let constant = variant.segments.last().is_some_and(|last| {
                let name = last.ident.to_string();
                name.len() > 1 && !name.contains(char::is_lowercase)
            });
            let pattern = if constant { quote!(#variant) } else { quote!(#variant { .. }) };
            matching(&quote!(#owner), &pattern, variant.span(), error, private)
        }
        Entry::Pattern { owner: Some(owner), pattern } => {
            matching(&quote!(#owner), &quote!(#pattern), pattern.span(), error, private)
        }
        Entry::Pattern { owner: None, pattern } => {
            let span = site.located_at(pattern.span());
            let error = at(error, span);
            quote_spanned!(span => (match *#error { #pattern => true, _ => false }))
        }
    }
}

fn matching(
    owner: &TokenStream,
    pattern: &TokenStream,
    span: Span,
    error: &TokenStream,
    private: &TokenStream,
) -> TokenStream {
    let span = Span::mixed_site().located_at(span);
    let (private, error) = (at(private, span), at(error, span));
    quote_spanned! { span =>
        (&&&&#private::find::probe::<#owner, _>(#error))
            .steadfast_any(|__steadfast_found| match *__steadfast_found { #pattern => true, _ => false })
    }
}
