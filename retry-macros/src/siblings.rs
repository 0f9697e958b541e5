//! The attributes of ours that stand on one function, and the order they must stand in.
//!
//! The one that expands first sees the others and expands them with it. What they say is for
//! `parse`.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Meta, Path};

use crate::diagnostics::{Diagnostics, excerpt, fault};
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
    /// Empty for the one that expands first: the compiler does not hand its path over.
    pub(crate) path: TokenStream,
}

/// The paths of attributes that were taken off, so that the compiler never looked them up.
#[derive(Default)]
pub(crate) struct TakenOff {
    paths: Vec<Path>,
}

impl TakenOff {
    /// The function with every path looked up in its body: an import of the name would be reported
    /// as unused otherwise. The braces of a body are the last of a function's tokens.
    pub(crate) fn looked_up_in(&self, function: TokenStream) -> TokenStream {
        let mut trees: Vec<TokenTree> = function.into_iter().collect();
        if let Some(TokenTree::Group(body)) = trees.last_mut()
            && body.delimiter() == Delimiter::Brace
            && !self.paths.is_empty()
        {
            let mut tokens: TokenStream = self.paths.iter().map(lookup).collect();
            tokens.extend(body.stream());
            let mut new = Group::new(Delimiter::Brace, tokens);
            new.set_span(body.span());
            *body = new;
        }
        trees.into_iter().collect()
    }
}

/// Resolved where the user is, and located where no lint looks: in an expansion.
fn lookup(path: &Path) -> TokenStream {
    let site = Span::call_site();
    let path: TokenStream = path
        .to_token_stream()
        .into_iter()
        .map(|mut token| {
            token.set_span(site);
            token
        })
        .collect();
    quote_spanned!(site => use #path as _;)
}

/// Takes every attribute of ours off the function, so that it stands there plainly whatever the
/// diagnostics say. What comes back is in the order in which it was written, each attribute once.
pub(crate) fn collect(
    first: Attribute,
    args: TokenStream,
    function: &mut Function,
    diagnostics: &mut Diagnostics,
) -> (Vec<Sibling>, TakenOff) {
    let mut taken_off = TakenOff::default();
    let mut siblings = vec![Sibling { attribute: first, args, path: TokenStream::new() }];
    function.attributes.retain(|attribute| {
        let Some(ours) = Attribute::of(attribute) else { return true };
        let place = attribute.path().span();
        let name = ours.name();
        // What a `macro_rules!` names by `$crate` needs no import, and no span but its own.
        if attribute.path().segments.first().is_none_or(|first| first.ident != "$crate") {
            taken_off.paths.push(attribute.path().clone());
        }
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
                let option = match ours {
                    Attribute::Idempotent => "key = ",
                    Attribute::Retry | Attribute::Breaker => "name = ",
                };
                diagnostics.error(
                    place,
                    format_args!("`{name}` takes its options in parentheses"),
                    format_args!("write `#[{name}({option}{})]`", excerpt(&value.value)),
                );
                return false;
            }
        };
        siblings.push(Sibling { attribute: ours, args, path: attribute.path().to_token_stream() });
        false
    });
    if function.body.as_ref().is_some_and(|body| expanded_before(body.stream())) {
        diagnostics.error(
            function.signature.ident.span(),
            "another attribute of `steadfast` on this function has expanded before this one saw it",
            "write them under their own names, without `use … as …` and without `cfg_attr`, one \
             directly above the other",
        );
    }
    in_order(&siblings, diagnostics);
    (siblings, taken_off)
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
        help.push_str(
            "\nand add `per = \"call\"` to the breaker if it is to stand around the retry",
        );
    }
    let what = format!("`{}` stands below `{}`: {why}", below.name(), above.name());
    diagnostics.push(fault(&pair[1].path, what, help));
}

/// Whether a sibling under another name has been here.
fn expanded_before(body: TokenStream) -> bool {
    body.into_iter().any(|token| {
        matches!(&token, TokenTree::Ident(ident) if ident.to_string().starts_with("__STEADFAST_"))
    })
}
