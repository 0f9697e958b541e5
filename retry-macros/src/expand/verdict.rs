//! The expressions that classify an error: what `on`, `not_on`, `when` and `classify` become.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, GenericArgument, PathArguments, Type};

use crate::model::{Entry, Rule};
use crate::runtime_path::at;
use crate::signature::has_lifetime_but;

/// An expression of type `Classification`, given `error: &E`; `otherwise` where no rule says.
pub(super) fn of_error(
    rule: Option<&Rule>,
    not_on: &[Entry],
    otherwise: &TokenStream,
    error: &TokenStream,
    private: &TokenStream,
    probe: &Ident,
) -> TokenStream {
    let site = Span::mixed_site();
    let own = quote_spanned!(site => || (&&&#private::find::own_class(#error)).steadfast_class());
    let decided = |retry: TokenStream| quote_spanned!(site => #private::decided(#retry, #own));
    let chosen = match rule {
        None => otherwise.clone(),
        Some(Rule::Any) => decided(quote!(true)),
        Some(Rule::On(entries)) => decided(any(entries, error, private, probe)),
        Some(Rule::When(function)) => decided(when(function, error, private)),
        Some(Rule::Classify(function)) => classify(function, error, private),
    };
    if not_on.is_empty() {
        return chosen;
    }
    let never = any(not_on, error, private, probe);
    quote_spanned!(site => if #never { #private::Classification::permanent() } else { #chosen })
}

/// What the error says of itself: it has to, or it does not compile.
pub(super) fn by_itself(error: &TokenStream, output: Span, private: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(output);
    let (private, error) = (at(private, span), at(error, span));
    quote_spanned!(span => #private::Classify::classify(#error))
}

/// What the error says of itself, if it says anything.
pub(super) fn if_told(error: &TokenStream, private: &TokenStream) -> TokenStream {
    quote_spanned! { Span::mixed_site() =>
        ::core::option::Option::unwrap_or(
            (&&&#private::find::own_class(#error)).steadfast_class(),
            #private::Classification::permanent(),
        )
    }
}

/// The answer of `when`.
pub(super) fn when(function: &Expr, error: &TokenStream, private: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(function.span());
    let (private, error) = (at(private, span), at(error, span));
    quote_spanned!(span => #private::choose::<_, ::core::primitive::bool>(#function, #error))
}

/// The answer of `classify`.
pub(super) fn classify(function: &Expr, error: &TokenStream, private: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(function.span());
    let (private, error) = (at(private, span), at(error, span));
    quote_spanned!(span => #private::choose::<_, #private::Classification>(#function, #error))
}

/// Whether the classification of an attempt that timed out was turned off.
pub(super) fn timeouts_are_listed(not_on: &[Entry]) -> bool {
    not_on.iter().any(|entry| {
        matches!(entry, Entry::Type(syn::Type::Path(path))
            if path.path.segments.last().is_some_and(|last| last.ident == "AttemptTimeout"))
    })
}

/// How a type is looked for in the error that is returned: one that borrows cannot be searched as a
/// whole, and which one does is not told by its type.
pub(super) fn probe(output: Option<&Type>) -> Ident {
    let borrows = output
        .and_then(error_type)
        .is_some_and(|error| has_lifetime_but(&["static"], quote!(#error)));
    let name = if borrows { "probe_borrowed" } else { "probe" };
    Ident::new(name, Span::mixed_site())
}

/// `E` of `Result<T, E>`, by whatever name. An alias that leaves it out is not looked into.
fn error_type(output: &Type) -> Option<&Type> {
    let Type::Path(path) = output else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.nth(1)
}

/// Whether any of the entries fits the error.
pub(super) fn any(
    entries: &[Entry],
    error: &TokenStream,
    private: &TokenStream,
    probe: &Ident,
) -> TokenStream {
    let tests = entries.iter().map(|entry| one(entry, error, private, probe));
    quote_spanned!(Span::mixed_site() => #(#tests)||*)
}

fn one(entry: &Entry, error: &TokenStream, private: &TokenStream, probe: &Ident) -> TokenStream {
    let site = Span::mixed_site();
    match entry {
        Entry::Type(ty) => {
            let span = site.located_at(ty.span());
            let (private, error) = (at(private, span), at(error, span));
            quote_spanned!(span => (&&&&#private::find::#probe::<#ty, _>(#error)).steadfast_any(|_| true))
        }
        Entry::Variant { owner, variant } => {
            // A constant has no fields to leave out.
            let constant = variant.segments.last().is_some_and(|last| {
                let name = last.ident.to_string();
                name.len() > 1 && !name.contains(char::is_lowercase)
            });
            let pattern = if constant { quote!(#variant) } else { quote!(#variant { .. }) };
            matching(&quote!(#owner), &pattern, variant.span(), error, private, probe)
        }
        Entry::Pattern { owner: Some(owner), pattern } => {
            matching(&quote!(#owner), &quote!(#pattern), pattern.span(), error, private, probe)
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
    probe: &Ident,
) -> TokenStream {
    let span = Span::mixed_site().located_at(span);
    let (private, error) = (at(private, span), at(error, span));
    quote_spanned! { span =>
        (&&&&#private::find::#probe::<#owner, _>(#error))
            .steadfast_any(|__steadfast_found| match *__steadfast_found { #pattern => true, _ => false })
    }
}
