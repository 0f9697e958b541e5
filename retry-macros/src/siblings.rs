//! The attributes of ours that stand on one function, and the order they must stand in.
//!
//! The one that expands first sees the others and expands them with it.

use proc_macro2::TokenStream;
use syn::Attribute;

use crate::diagnostics::Diagnostics;
use crate::signature::Function;

/// Ours, outermost first: the order in which they must be written.
const ORDER: [&str; 3] = ["idempotent", "retry", "circuit_breaker"];

/// The name of an attribute of ours.
fn ours(attribute: &Attribute) -> Option<&'static str> {
    let last = attribute.path().segments.last()?;
    ORDER.into_iter().find(|name| last.ident == name)
}

/// Takes every attribute of ours off the function, so that it stands there plainly whatever the
/// diagnostics say.
pub(crate) fn collect(first: &str, function: &mut Function, diagnostics: &mut Diagnostics) {
    let mut seen = vec![first];
    function.attributes.retain(|attribute| {
        let Some(name) = ours(attribute) else { return true };
        let span = syn::spanned::Spanned::span(attribute.path());
        if seen.contains(&name) {
            diagnostics.error(
                span,
                format_args!("`{name}` stands twice on one function"),
                format_args!("write its options in one `#[{name}(…)]`"),
            );
        } else {
            seen.push(name);
            diagnostics.error(
                span,
                format_args!("this version of `steadfast` has no `{name}`"),
                format_args!("take `#[{name}(…)]` off"),
            );
        }
        false
    });
    if function.body.as_ref().is_some_and(|body| expanded_before(body.stream())) {
        diagnostics.error(
            function.signature.ident.span(),
            "an attribute of `steadfast` below this one has expanded before it",
            "write them under their own names, without `use … as …` and without `cfg_attr`, one \
             directly above the other",
        );
    }
}

/// Whether a sibling under another name has been here.
fn expanded_before(body: TokenStream) -> bool {
    body.into_iter().any(|token| {
        matches!(&token, proc_macro2::TokenTree::Ident(ident) if ident == "__STEADFAST_OPERATION")
    })
}
