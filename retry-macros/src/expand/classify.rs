//! `impl Classify`, one arm a variant.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Generics, Type};

use crate::derive::{self, Classified, Field, Rule, Variant};
use crate::diagnostics::Diagnostics;
use crate::runtime_path;

pub(crate) fn derive_classify(input: TokenStream) -> TokenStream {
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let name = input.ident.clone();
    let generics = input.generics.clone();
    let private = runtime_path::private(derive::crate_path(&input.attrs).as_ref());
    let mut diagnostics = Diagnostics::default();
    if let Some(item) = derive::read(input, &mut diagnostics) {
        return expand(&item, &private);
    }
    // With an implementation beside the faults, nothing else breaks.
    let permanent = quote!(#private::Classification::permanent());
    let stub = implementation(&name, &generics, &private, &permanent);
    let faults = diagnostics.into_tokens();
    quote!(#faults #stub)
}

fn expand(item: &Classified, private: &TokenStream) -> TokenStream {
    let arms = item.variants.iter().map(|variant| arm(variant, private));
    // Without variants there is nothing to match on: a reference is inhabited, its target is not.
    let site = Span::mixed_site();
    let body = if item.variants.is_empty() {
        quote_spanned!(site => match *self {})
    } else {
        quote_spanned!(site => match self { #(#arms)* })
    };
    let generics = bounded(item, private);
    implementation(&item.name, &generics, private, &body)
}

fn implementation(
    name: &Ident,
    generics: &Generics,
    private: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote_spanned! { Span::mixed_site() =>
        #[automatically_derived]
        impl #parameters #private::Classify for #name #arguments #bounds {
            fn classify(&self) -> #private::Classification {
                #body
            }
        }
    }
}

fn arm(variant: &Variant, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let fields = &variant.fields;
    let used: Vec<usize> = match &variant.rule {
        Rule::Permanent => Vec::new(),
        Rule::Retryable { after, .. } => after.iter().copied().collect(),
        Rule::Transparent(field) => vec![*field],
        Rule::Status { status, after } => [*status].into_iter().chain(*after).collect(),
        Rule::With(_) => (0..fields.len()).collect(),
    };
    let bindings = fields.iter().enumerate().filter(|(place, _)| used.contains(place)).map(
        |(place, Field { member, .. })| {
            let binding = binding(place, site);
            quote_spanned!(site => #member: #binding,)
        },
    );
    let path = variant.name.as_ref().map_or_else(|| quote!(Self), |name| quote!(Self::#name));
    let class = class(variant, private);
    quote_spanned!(site => #path { #(#bindings)* .. } => #class,)
}

fn class(variant: &Variant, private: &TokenStream) -> TokenStream {
    let site = Span::mixed_site();
    let fields = &variant.fields;
    match &variant.rule {
        Rule::Permanent => quote_spanned!(site => #private::Classification::permanent()),
        Rule::Retryable { kind, unsent, after } => {
            let kind = kind.as_ref().map(|kind| {
                // The word may stand in the user's own macro; the variant is ours.
                let kind = Ident::new(&kind.to_string(), site);
                quote_spanned!(site => .kind(#private::Kind::#kind))
            });
            let unsent = unsent.then(|| quote_spanned!(site => .unsent()));
            let class = quote_spanned!(site => #private::Classification::retryable() #kind #unsent);
            hinted(&class, *after, fields, private)
        }
        Rule::Transparent(field) => ask(*field, fields, &quote!(#private::InnerField::class)),
        Rule::Status { status, after } => {
            let class = ask(*status, fields, &quote!(#private::StatusField::class));
            hinted(&class, *after, fields, private)
        }
        Rule::With(function) => {
            let span = site.located_at(function.span());
            let arguments = (0..fields.len()).map(|place| binding(place, span));
            quote_spanned!(span => #function(#(#arguments),*))
        }
    }
}

fn hinted(
    class: &TokenStream,
    after: Option<usize>,
    fields: &[Field],
    private: &TokenStream,
) -> TokenStream {
    let Some(after) = after else { return class.clone() };
    let hint = ask(after, fields, &quote!(#private::HintField::hint));
    quote_spanned! { Span::mixed_site() =>
        match #hint {
            ::core::option::Option::Some(__steadfast_hint) => #class.after(__steadfast_hint),
            ::core::option::Option::None => #class,
        }
    }
}

/// A call of a trait's method with one field, located at the type of the field: that is where a
/// type without the trait is reported.
fn ask(place: usize, fields: &[Field], method: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(fields[place].ty.span());
    let field = binding(place, span);
    quote_spanned!(span => #method(#field))
}

fn binding(place: usize, span: Span) -> Ident {
    format_ident!("__steadfast_{place}", span = span)
}

/// The generics of the type, and a bound for each field that is asked and whose type names a
/// parameter. Other fields need none.
fn bounded(item: &Classified, private: &TokenStream) -> Generics {
    let mut generics = item.generics.clone();
    let parameters: Vec<Ident> =
        generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    let mut bounds: Vec<TokenStream> = Vec::new();
    for variant in &item.variants {
        let asked = match &variant.rule {
            Rule::Transparent(field) => vec![(*field, quote!(Classify))],
            Rule::Retryable { after, .. } => {
                after.iter().map(|field| (*field, quote!(HintField))).collect()
            }
            Rule::Status { status, after } => [(*status, quote!(StatusField))]
                .into_iter()
                .chain(after.map(|field| (field, quote!(HintField))))
                .collect(),
            Rule::Permanent | Rule::With(_) => Vec::new(),
        };
        for (field, bound) in asked {
            let ty = &variant.fields[field].ty;
            // A type that holds itself would ask for its own implementation in order to have one.
            if names(ty, &parameters) && !names(ty, std::slice::from_ref(&item.name)) {
                bounds.push(quote!(#ty: #private::#bound));
            }
        }
    }
    if !bounds.is_empty() {
        let clause = generics.make_where_clause();
        for bound in bounds {
            clause.predicates.push(syn::parse_quote!(#bound));
        }
    }
    generics
}

/// Whether a type is written with one of the names.
fn names(ty: &Type, wanted: &[Ident]) -> bool {
    fn any(tokens: TokenStream, wanted: &[Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => wanted.contains(&ident),
            TokenTree::Group(group) => any(group.stream(), wanted),
            _ => false,
        })
    }
    any(ty.to_token_stream(), wanted)
}
