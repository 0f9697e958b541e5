//! Splits the arguments of an attribute into its options, before anything of them is parsed.
//!
//! Knows what the options are called, not what they mean.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned as _;
use syn::{Expr, Lit};

use crate::diagnostics::{Diagnostics, excerpt, fault, shortened, source};
use crate::limits::{too_large, too_nested};
use crate::model::Spanned;
use crate::options::Table;
use crate::values;

/// What stands behind an option's name.
pub(crate) enum Shape {
    Flag,
    Assigned(TokenStream),
    Called(Group),
}

/// One option as it was written.
pub(crate) struct Item {
    /// The name, of more than one token if it is `max-attempts`.
    pub(crate) name: TokenStream,
    pub(crate) word: String,
    pub(crate) shape: Shape,
}

impl Item {
    pub(crate) fn key(&self) -> Span {
        self.name.span()
    }

    pub(crate) fn spanned<T>(&self, span: Span, value: T) -> Spanned<T> {
        Spanned { key: self.key(), span, value }
    }

    /// What was written as value, for text to paste.
    fn value_text(&self) -> String {
        match &self.shape {
            Shape::Flag => String::new(),
            Shape::Assigned(tokens) => source(tokens),
            Shape::Called(group) => source(&group.stream()),
        }
    }

    pub(crate) fn unknown<O: Table>(&self) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` has no option `{}`", O::OWNER, shortened(&self.word)),
            O::help(&self.word, &self.value_text()),
        )
    }

    pub(crate) fn twice<O: Table>(&self) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` is given twice", self.word),
            format_args!("keep one `{}` and remove the other", self.word),
        )
    }

    fn valueless<O: Table>(&self, option: O) -> syn::Error {
        fault(
            &self.name,
            format_args!("`{}` needs a value", option.name()),
            format_args!("write `{}`", option.example()),
        )
    }

    /// As `assigned`, for an option that takes a list.
    pub(crate) fn assigned_list<O: Table>(&self, option: O) -> syn::Result<&TokenStream> {
        match &self.shape {
            Shape::Called(group) if !group.stream().is_empty() => Err(fault(
                group,
                format_args!(
                    "`{}` needs a list behind `=`, found `{}`",
                    option.name(),
                    excerpt(group)
                ),
                format_args!("write `{} = [{}]`", option.name(), excerpt(&group.stream())),
            )),
            _ => self.assigned(option),
        }
    }

    /// The tokens behind `=`.
    pub(crate) fn assigned<O: Table>(&self, option: O) -> syn::Result<&TokenStream> {
        match &self.shape {
            Shape::Assigned(tokens) if !tokens.is_empty() => Ok(tokens),
            Shape::Called(group) if !group.stream().is_empty() => Err(fault(
                group,
                format_args!(
                    "`{}` takes its value behind `=`, found `{}`",
                    option.name(),
                    excerpt(group)
                ),
                format_args!("write `{} = {}`", option.name(), excerpt(&group.stream())),
            )),
            _ => Err(self.valueless(option)),
        }
    }

    pub(crate) fn expr<O: Table>(&self, option: O) -> syn::Result<Expr> {
        let tokens = self.assigned(option)?;
        if too_nested(tokens) {
            return Err(unreadable(tokens, option.name()));
        }
        let parser =
            |input: ParseStream| Ok((input.parse::<Expr>()?, input.parse::<TokenStream>()?));
        match parser.parse2(tokens.clone()) {
            Ok((expr, rest)) if rest.is_empty() => Ok(expr),
            Ok((_, rest)) => Err(trailing(option, &rest)),
            Err(_) => Err(fault(
                tokens,
                format_args!(
                    "`{}` needs an expression, found `{}`",
                    option.name(),
                    excerpt(tokens)
                ),
                format_args!("write `{}`", option.example()),
            )),
        }
    }
}

/// More than [`too_large`] or [`too_nested`] allow.
pub(crate) fn unreadable(tokens: &TokenStream, option: &str) -> syn::Error {
    fault(
        tokens,
        format_args!("a value of `{option}` is too long or too deeply nested to be read"),
        "move it into a `const`, a type alias or a function, and name it here",
    )
}

/// Tokens behind a value that was complete.
pub(crate) fn trailing<O: Table>(option: O, rest: &TokenStream) -> syn::Error {
    let mut tokens = rest.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(next)), Some(TokenTree::Punct(equals)))
            if equals.as_char() == '=' =>
        {
            fault(
                &next,
                format_args!("a comma is missing before `{next}`"),
                format_args!("write `, {}`", excerpt(rest)),
            )
        }
        _ => fault(
            rest,
            format_args!(
                "`{}` takes one value, found `{}` behind it",
                option.name(),
                excerpt(rest)
            ),
            format_args!("write `{}`", option.example()),
        ),
    }
}

/// The options of one pair of parentheses; what is no option is reported and left out.
pub(crate) fn items<O: Table>(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Vec<Item> {
    items_beside::<O>(tokens, |_, _| false, diagnostics)
}

/// As [`items`], without what `take` takes: a value that stands without a name.
pub(crate) fn items_beside<O: Table>(
    tokens: TokenStream,
    mut take: impl FnMut(&TokenStream, &mut Diagnostics) -> bool,
    diagnostics: &mut Diagnostics,
) -> Vec<Item> {
    let mut items = Vec::new();
    for (chunk, comma) in split(tokens, Angles::InTypesOnly) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                diagnostics.error(
                    comma,
                    "an option is missing before this comma",
                    "remove the comma",
                );
            }
        } else if too_large(&chunk) {
            diagnostics.push(unreadable(&chunk, O::OWNER));
        } else if !take(&chunk, diagnostics)
            && let Some(item) = diagnostics.keep(item::<O>(&chunk))
        {
            items.push(item);
        }
    }
    items
}

fn item<O: Table>(chunk: &TokenStream) -> syn::Result<Item> {
    let mut name = TokenStream::new();
    let mut word = String::new();
    let mut tokens = chunk.clone().into_iter().peekable();
    while let Some(token) = tokens.peek() {
        match token {
            TokenTree::Ident(ident) if word.is_empty() || word.ends_with('-') => {
                word.push_str(&ident.unraw().to_string());
            }
            TokenTree::Punct(dash) if dash.as_char() == '-' && !word.is_empty() => word.push('-'),
            _ => break,
        }
        name.extend(tokens.next());
    }
    if word.is_empty() {
        return Err(positional::<O>(chunk));
    }
    let shape = match tokens.next() {
        None => Shape::Flag,
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => {
            Shape::Assigned(tokens.collect())
        }
        Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Parenthesis && tokens.peek().is_none() =>
        {
            Shape::Called(group)
        }
        // `max_attempts: 3` and `max_attempts 3`
        Some(first) => {
            let colon = matches!(&first, TokenTree::Punct(punct) if punct.as_char() == ':');
            let value: TokenStream = if colon {
                tokens.collect()
            } else {
                std::iter::once(first).chain(tokens).collect()
            };
            let Some(option) = O::named(&word) else {
                return Ok(Item { name, word, shape: Shape::Assigned(value) });
            };
            let write = if value.is_empty() {
                option.example().to_owned()
            } else {
                format!("{word} = {}", excerpt(&value))
            };
            return Err(fault(
                chunk,
                format_args!("`{word}` takes its value behind `=`, found `{}`", excerpt(chunk)),
                format_args!("write `{write}`"),
            ));
        }
    };
    Ok(Item { name, word, shape })
}

/// A value without a name.
fn positional<O: Table>(chunk: &TokenStream) -> syn::Error {
    if too_nested(chunk) {
        return unreadable(chunk, O::OWNER);
    }
    let expr = syn::parse2::<Expr>(chunk.clone()).ok();
    let found = expr.as_ref().map_or_else(|| format!("`{}`", excerpt(chunk)), values::found);
    let text =
        expr.as_ref().and_then(values::literal).filter(|(_, lit)| matches!(lit, Lit::Str(_)));
    let help = match (O::ALL.first(), text) {
        // The first option is what the string was most likely meant to be.
        (Some(option), Some(_)) if option.example().ends_with('"') => {
            format!("write `{} = {}`", option.name(), excerpt(chunk))
        }
        (Some(option), _) => format!("write `{}`, for example", option.example()),
        (None, _) => String::new(),
    };
    fault(chunk, format_args!("`{}` takes its options by name, found {found}", O::OWNER), help)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Angles {
    /// Every `<` opens generics.
    Always,
    /// A `<` opens generics behind `::` or where a value begins; elsewhere it compares.
    InTypesOnly,
}

/// Splits at the commas that are in no group, no generics and no closure's head. Each chunk comes
/// with the comma behind it.
pub(crate) fn split(tokens: TokenStream, angles: Angles) -> Vec<(TokenStream, Option<Span>)> {
    let mut chunks = Vec::new();
    let mut chunk = TokenStream::new();
    let mut depth = 0_usize;
    let mut closure_head = false;
    // The characters before this one, as far back as they matter.
    let (mut before, mut before_that) = (None, None);
    let mut moved = false;
    for token in tokens {
        let here = match &token {
            TokenTree::Punct(punct) => Some(punct.as_char()),
            _ => None,
        };
        let begins = chunk.is_empty() || before == Some('=');
        match here {
            Some(',') if depth == 0 && !closure_head => {
                chunks.push((std::mem::take(&mut chunk), Some(token.span())));
                (before, before_that) = (None, None);
                continue;
            }
            Some('<') => {
                let path = before == Some(':') && before_that == Some(':');
                if depth > 0 || path || begins || angles == Angles::Always {
                    depth += 1;
                }
            }
            Some('>') if !matches!(before, Some('-' | '=')) => depth = depth.saturating_sub(1),
            Some('|') if angles == Angles::InTypesOnly => {
                closure_head = !closure_head && (begins || moved);
            }
            _ => {}
        }
        moved = matches!(&token, TokenTree::Ident(word) if word == "move");
        chunk.extend([token]);
        before_that = before;
        before = here;
    }
    if !chunk.is_empty() {
        chunks.push((chunk, None));
    }
    chunks
}

/// The group that is all there is, through the invisible groups that `macro_rules!` leaves.
pub(crate) fn only_group(tokens: &TokenStream, delimiter: Delimiter) -> Option<TokenStream> {
    let mut tokens = tokens.clone();
    loop {
        let mut iter = tokens.into_iter();
        match (iter.next(), iter.next()) {
            (Some(TokenTree::Group(group)), None) if group.delimiter() == delimiter => {
                return Some(group.stream());
            }
            (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
                tokens = group.stream();
            }
            _ => return None,
        }
    }
}
