//! What the patterns of arguments bind, and what every attempt has to bind anew.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Pat, Signature, Type};

use crate::runtime_path::at;

/// An argument that every attempt binds anew.
pub(crate) struct Rebound {
    pub(crate) tokens: TokenStream,
}

/// What every attempt has to bind anew, and the signature without the `mut`s that moved there.
///
/// `&mut` arguments are reborrowed, `mut` ones start fresh. `cloned` names those that were cloned.
pub(crate) fn rebind(
    signature: &Signature,
    cloned: &[Ident],
    private: &TokenStream,
) -> (Signature, Vec<Rebound>) {
    let mut stripped = signature.clone();
    let mut rebound = Vec::new();
    let span = Span::mixed_site();
    for argument in &mut stripped.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let conditions: Vec<_> =
            argument.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
        let exclusive = is_exclusive(&argument.ty) && matches!(&*argument.pat, Pat::Ident(_));
        bindings(&argument.pat, &mut |binding| {
            let ident = binding.ident;
            let mutability = binding.mutable.then(|| quote!(mut));
            let value = if let Some(named) = cloned.iter().find(|cloned| *cloned == ident) {
                // A type that cannot be cloned is told where the clone was asked for.
                let span = span.located_at(named.span());
                let mut ident = ident.clone();
                ident.set_span(ident.span().located_at(span));
                quote_spanned!(span => ::core::clone::Clone::clone(&#ident))
            } else if exclusive || (binding.by_reference && binding.mutable) {
                quote_spanned!(span => &mut *#ident)
            } else if binding.mutable && !binding.by_reference {
                let span = span.located_at(ident.span());
                let private = at(private, span);
                // The braces keep rustc from proposing changes to the pattern.
                quote_spanned!(span => #private::fresh({ #ident }))
            } else {
                return;
            };
            let mutability = mutability.filter(|_| !binding.by_reference);
            rebound.push(Rebound {
                tokens: quote_spanned!(span => #(#conditions)* let #mutability #ident = #value;),
            });
        });
        strip_mut(&mut argument.pat);
    }
    (stripped, rebound)
}

/// What `#[async_trait]` bound as `mut` in its prologue, which runs once: attempts bind it anew.
pub(crate) fn rebind_prologue(
    signature: &Signature,
    prologue: TokenStream,
) -> (TokenStream, Vec<Rebound>) {
    let exclusive = |ident: &Ident| {
        signature.inputs.iter().any(|argument| match argument {
            FnArg::Typed(argument) => {
                is_exclusive(&argument.ty)
                    && matches!(&*argument.pat, Pat::Ident(pattern) if pattern.ident == *ident)
            }
            FnArg::Receiver(_) => false,
        })
    };
    let parse = syn::Block::parse_within;
    let Ok(mut statements) = syn::parse::Parser::parse2(parse, prologue.clone()) else {
        return (prologue, Vec::new());
    };
    let mut rebound = Vec::new();
    for statement in &mut statements {
        let syn::Stmt::Local(local) = statement else { continue };
        // The receiver is `mut` for no reason of the user's.
        if matches!(&local.pat, Pat::Ident(pattern) if pattern.ident == "__self") {
            continue;
        }
        bindings(&local.pat, &mut |binding| {
            let ident = binding.ident;
            if binding.mutable && !binding.by_reference {
                let span = Span::mixed_site();
                let tokens = if exclusive(ident) {
                    quote_spanned!(span => let mut #ident = &mut *#ident;)
                } else {
                    quote_spanned!(span => let mut #ident = #ident;)
                };
                rebound.push(Rebound { tokens });
            }
        });
        strip_mut(&mut local.pat);
    }
    (quote!(#(#statements)*), rebound)
}

fn is_exclusive(ty: &Type) -> bool {
    matches!(ty, Type::Reference(ty) if ty.mutability.is_some())
}

pub(super) struct Binding<'a> {
    pub(super) ident: &'a Ident,
    pub(super) mutable: bool,
    pub(super) by_reference: bool,
}

/// Every binding of a pattern.
pub(super) fn bindings<'a>(pattern: &'a Pat, found: &mut dyn FnMut(Binding<'a>)) {
    match pattern {
        Pat::Ident(pattern) => {
            found(Binding {
                ident: &pattern.ident,
                mutable: pattern.mutability.is_some(),
                by_reference: pattern.by_ref.is_some(),
            });
            if let Some((_, inner)) = &pattern.subpat {
                bindings(inner, found);
            }
        }
        Pat::Tuple(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::TupleStruct(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::Slice(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::Struct(pattern) => {
            pattern.fields.iter().for_each(|field| bindings(&field.pat, found));
        }
        Pat::Reference(pattern) => bindings(&pattern.pat, found),
        Pat::Paren(pattern) => bindings(&pattern.pat, found),
        Pat::Type(pattern) => bindings(&pattern.pat, found),
        _ => {}
    }
}

/// Takes `mut` off by-value bindings; `ref mut` keeps it.
fn strip_mut(pattern: &mut Pat) {
    match pattern {
        Pat::Ident(pattern) => {
            if pattern.by_ref.is_none() {
                pattern.mutability = None;
            }
            if let Some((_, inner)) = &mut pattern.subpat {
                strip_mut(inner);
            }
        }
        Pat::Tuple(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::TupleStruct(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::Slice(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::Struct(pattern) => {
            pattern.fields.iter_mut().for_each(|field| strip_mut(&mut field.pat));
        }
        Pat::Reference(pattern) => strip_mut(&mut pattern.pat),
        Pat::Paren(pattern) => strip_mut(&mut pattern.pat),
        Pat::Type(pattern) => strip_mut(&mut pattern.pat),
        _ => {}
    }
}
