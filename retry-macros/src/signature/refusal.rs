//! Words for a body that borrow checking refuses.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, Ident, Signature};

use super::{has_lifetime_but, has_word};

/// What can be wrong with a body that borrow checking refuses, as far as the signature tells: the
/// macro of the runtime with that name.
pub(crate) fn refusal(signature: &Signature) -> Ident {
    let consumes_self = matches!(
        signature.inputs.first(),
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, syn::ReceiverKind::Value)
    );
    let name = if may_keep_exclusive(signature) {
        "a_body_that_returns_or_keeps_a_borrow_of_its_exclusive_reference_cannot_be_retried"
    } else if consumes_self {
        "every_attempt_needs_self_so_take_a_reference_or_clone_what_the_body_consumes"
    } else {
        "every_attempt_needs_the_arguments_so_name_what_the_body_consumes_in_clone"
    };
    Ident::new(name, Span::mixed_site())
}

/// Whether a body could return a borrow of an exclusive reference that it was given, or keep it in
/// something that outlives the call: `Holder<'a>` takes a `&'a mut T` in.
pub(crate) fn may_keep_exclusive(signature: &Signature) -> bool {
    let exclusive = signature.inputs.iter().any(|argument| match argument {
        FnArg::Receiver(receiver) => match &receiver.kind {
            syn::ReceiverKind::Value => false,
            _ => has_word(receiver.to_token_stream(), "mut"),
        },
        FnArg::Typed(argument) => has_word(argument.ty.to_token_stream(), "mut"),
    });
    // A lifetime of the `impl` stands only where it is used.
    exclusive
        && (signature.generics.lifetimes().next().is_some()
            || has_lifetime_but(&["_", "static"], signature.inputs.to_token_stream())
            || has_borrow(signature.output.to_token_stream()))
}

fn has_borrow(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => has_borrow(group.stream()),
        _ => false,
    })
}
