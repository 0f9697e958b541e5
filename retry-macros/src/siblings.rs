//! The attributes of ours that stand on one function, and the order they must stand in.
//!
//! The one that expands first sees the others and expands them with it. What they say is for
//! `parse`.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::Meta;
use syn::spanned::Spanned as _;

use crate::diagnostics::{Diagnostics, excerpt};
use crate::options::ORDER;
use crate::signature::Function;

/// An attribute of ours, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    Idempotent,
    Retry,
    Breaker,
}

impl Attribute {
    const ALL: [Self; 3] = [Self::Idempotent, Self::Retry, Self::Breaker];

    pub(crate) const fn name(self) -> &'static str {
        ORDER[self as usize]
    }

    /// Whatever stands before it: `steadfast::retry`, or what a crate re-exports.
    fn of(attribute: &syn::Attribute) -> Option<Self> {
        let last = attribute.path().segments.last()?;
        Self::ALL.into_iter().find(|ours| last.ident == ours.name())
    }
}

/// One attribute with its arguments.
pub(crate) struct Sibling {
    pub(crate) attribute: Attribute,
    pub(crate) args: TokenStream,
    /// Its path; of the one that expands first, all of it: the compiler hands over no less.
    pub(crate) place: Span,
}

/// Takes every attribute of ours off the function, so that it stands there plainly whatever the
/// diagnostics say. What comes back is in the order in which it was written, each attribute once.
pub(crate) fn collect(
    first: Attribute,
    args: TokenStream,
    function: &mut Function,
    diagnostics: &mut Diagnostics,
) -> Vec<Sibling> {
    let mut siblings = vec![Sibling { attribute: first, args, place: Span::call_site() }];
    function.attributes.retain(|attribute| {
        let Some(ours) = Attribute::of(attribute) else { return true };
        let place = attribute.path().span();
        let name = ours.name();
        if siblings.iter().any(|sibling| sibling.attribute == ours) {
            diagnostics.error(
                place,
                format_args!("`{name}` stands twice on one function"),
                format_args!("write its options in one `#[{name}(…)]`"),
            );
            return false;
        }
        let args = match &attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(value) => {
                diagnostics.error(
                    place,
                    format_args!("`{name}` takes its options in parentheses"),
                    format_args!("write `#[{name}({})]`", excerpt(&value.value)),
                );
                return false;
            }
        };
        siblings.push(Sibling { attribute: ours, args, place });
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
    in_order(&siblings, diagnostics);
    siblings
}

/// Reports the first attribute that stands below one that it belongs around.
fn in_order(siblings: &[Sibling], diagnostics: &mut Diagnostics) {
    let Some(pair) = siblings.windows(2).find(|pair| pair[0].attribute > pair[1].attribute) else {
        return;
    };
    let (above, below) = (pair[0].attribute, pair[1].attribute);
    let why = match below {
        Attribute::Retry => "the breaker would see calls instead of attempts",
        _ if above == Attribute::Retry => "every attempt would make a claim of its own",
        _ => "an open circuit would refuse even what is stored",
    };
    let mut sorted: Vec<&Sibling> = siblings.iter().collect();
    sorted.sort_by_key(|sibling| sibling.attribute);
    let mut help = String::from("write them in this order:");
    for Sibling { attribute, args, .. } in sorted {
        help.push_str("\n  #[");
        help.push_str(attribute.name());
        if !args.is_empty() {
            help.push('(');
            help.push_str(&excerpt(args));
            help.push(')');
        }
        help.push(']');
    }
    if below == Attribute::Retry {
        help.push_str("\nfor a breaker around the retry, `per = \"call\"` in it");
    }
    diagnostics.error(
        pair[1].place,
        format_args!("`{}` stands below `{}`: {why}", below.name(), above.name()),
        help,
    );
}

/// Whether a sibling under another name has been here.
fn expanded_before(body: TokenStream) -> bool {
    body.into_iter().any(|token| {
        matches!(&token, TokenTree::Ident(ident) if ident.to_string().starts_with("__STEADFAST_"))
    })
}
