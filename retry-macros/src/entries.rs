//! The entries of `on` and `not_on`: types, variants and patterns of errors.
//!
//! Tells them apart by how they are written; whether such an error can occur is for the compiler.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned as _;
use syn::{Expr, Lit, Pat, Path, PathSegment, Type, TypePath};

use crate::diagnostics::{Diagnostics, excerpt, fault, shortened, source};
use crate::items::{Angles, Item, only_group, split, trailing, unreadable};
use crate::limits::too_nested;
use crate::model::{Entry, Rule, Spanned};
use crate::options::Table;
use crate::values::{self, Named};

/// A list of errors, and what it says to list every one of them.
#[derive(Clone, Copy)]
struct List {
    named: Named,
    /// What to write instead of an entry that matches everything.
    everything: &'static str,
}

impl List {
    fn new<O: Table>(option: O) -> Self {
        let everything = match (O::OWNER, option.name()) {
            ("retry", "on") => "write `on = any` to retry every error",
            (_, "on") => "write `on = any` to count every error as a failure",
            ("retry", _) => "remove the attribute, or list what is not retried",
            (_, "not_on") => "remove the attribute, or list what is no failure",
            _ => "remove the attribute, or list what is neither failure nor success",
        };
        Self { named: Named { name: option.name(), example: option.example() }, everything }
    }
}

pub(crate) fn on<O: Table>(
    item: &Item,
    option: O,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Spanned<Rule>>> {
    let tokens = item.assigned_list(option)?;
    if tokens.to_string() == "any" {
        return Ok(Some(item.spanned(tokens.span(), Rule::Any)));
    }
    let entries = entries(tokens, option, diagnostics)?;
    // A list whose entries were all refused says nothing; it must not seem to retry nothing.
    Ok((!entries.is_empty()).then(|| item.spanned(tokens.span(), Rule::On(entries))))
}

/// `not_on` and `ignore`: what they list is taken out of what the rule says.
pub(crate) fn except<O: Table>(
    item: &Item,
    option: O,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<Entry>> {
    let tokens = item.assigned_list(option)?;
    if tokens.to_string() == "any" {
        let never = match (O::OWNER, option.name()) {
            ("retry", _) => "retry",
            _ => "open the breaker",
        };
        let what = format!("`{} = any` would never {never}", option.name());
        return Err(fault(tokens, what, List::new(option).everything));
    }
    entries(tokens, option, diagnostics)
}

fn entries<O: Table>(
    tokens: &TokenStream,
    option: O,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<Entry>> {
    let rules = List::new(option);
    let Named { name, example } = rules.named;
    let Some(list) = only_group(tokens, Delimiter::Bracket) else {
        return Err(not_a_list(tokens, option));
    };
    if list.is_empty() {
        let help = if name == "on" {
            format!("write `{example}`, or `on = any` for every error")
        } else {
            format!("write `{example}`, or remove `{name}`")
        };
        return Err(fault(tokens, format_args!("`{name} = []` lists nothing"), help));
    }
    let mut entries = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for (chunk, comma) in split(list, Angles::Always) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                let what = format!("an entry of `{name}` is missing before this comma");
                diagnostics.error(comma, what, "remove the comma");
            }
            continue;
        }
        if too_nested(&chunk) {
            diagnostics.push(unreadable(&chunk, name));
            continue;
        }
        let text = source(&chunk);
        if texts.contains(&text) {
            diagnostics.push(fault(
                &chunk,
                format_args!("`{}` is listed twice in `{name}`", shortened(&text)),
                "remove one of the two",
            ));
            continue;
        }
        texts.push(text);
        entries.extend(diagnostics.keep(entry(chunk, rules)));
    }
    Ok(entries)
}

fn not_a_list<O: Table>(tokens: &TokenStream, option: O) -> syn::Error {
    let named = Named { name: option.name(), example: option.example() };
    let name = named.name;
    if too_nested(tokens) {
        return unreadable(tokens, name);
    }
    let expr = syn::parse2::<Expr>(tokens.clone()).ok();
    let found = expr.as_ref().map_or_else(|| format!("`{}`", excerpt(tokens)), values::found);
    let mut starts = tokens.clone().into_iter();
    let help = match (starts.next(), &expr) {
        (Some(TokenTree::Group(_)), _) if starts.next().is_some() => {
            // `[A] deadline = …`
            let rest: TokenStream = tokens.clone().into_iter().skip(1).collect();
            return trailing(option, &rest);
        }
        (_, Some(Expr::Closure(_))) => format!("write `when = {}`", excerpt(tokens)),
        (_, Some(expr)) if matches!(values::literal(expr), Some((_, Lit::Str(_)))) => {
            let path = values::literal(expr).and_then(|(_, lit)| match lit {
                Lit::Str(text) => text.parse_with(Path::parse_mod_style).ok(),
                _ => None,
            });
            path.map_or_else(
                || format!("write `{}`", named.example),
                |path| format!("write `{name} = [{}]`", excerpt(&path)),
            )
        }
        _ => {
            let inner = only_group(tokens, Delimiter::Parenthesis)
                .or_else(|| only_group(tokens, Delimiter::Brace))
                .filter(|inner| !inner.is_empty())
                .unwrap_or_else(|| tokens.clone());
            format!("write `{name} = [{}]`", excerpt(&inner))
        }
    };
    fault(tokens, format_args!("`{name}` needs a list in brackets, found {found}"), help)
}

/// One type, variant or pattern.
fn entry(tokens: TokenStream, list: List) -> syn::Result<Entry> {
    let name = list.named.name;
    let mut starts = tokens.clone().into_iter();
    match (starts.next(), starts.next(), starts.next()) {
        (Some(TokenTree::Ident(is)), Some(TokenTree::Group(group)), None)
            if is == "is" && group.delimiter() == Delimiter::Parenthesis =>
        {
            let inner = group.stream();
            return syn::parse2(inner.clone()).map(Entry::Type).map_err(|_| {
                fault(
                    &tokens,
                    format_args!("`is(…)` needs one type, found `{}`", excerpt(&inner)),
                    format_args!("write `{name} = [is(path::Type)]`"),
                )
            });
        }
        (Some(TokenTree::Ident(any)), None, None) if any == "any" => {
            return Err(everything(&tokens, list));
        }
        _ => {}
    }
    if let Ok(path) = syn::parse2::<Path>(tokens.clone()) {
        return Ok(bare_path(path));
    }
    if matches!(syn::parse2(tokens.clone()), Ok(Type::Path(_))) {
        // `<T as Trait>::Error`: no variant can be reached this way.
        return syn::parse2(tokens).map(Entry::Type);
    }
    let parser = |input: ParseStream| {
        Ok((Pat::parse_multi_with_leading_vert(input)?, input.parse::<TokenStream>()?))
    };
    match parser.parse2(tokens.clone()) {
        Ok((pattern, rest)) if rest.is_empty() => {
            let owner = owner(&pattern, list)?;
            Ok(Entry::Pattern { owner, pattern })
        }
        Ok((pattern, rest)) if starts_with_if(&rest) => Err(fault(
            &rest,
            format_args!("an entry of `{name}` takes no `if`, found `{}`", excerpt(&rest)),
            format_args!(
                "write `when = |error| matches!(error, {} {})`",
                excerpt(&pattern),
                excerpt(&rest)
            ),
        )),
        _ => Err(no_entry(&tokens, list.named)),
    }
}

fn starts_with_if(tokens: &TokenStream) -> bool {
    matches!(tokens.clone().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "if")
}

fn no_entry(tokens: &TokenStream, named: Named) -> syn::Error {
    let name = named.name;
    let help = if matches!(syn::parse2(tokens.clone()), Ok(Expr::Closure(_))) {
        format!("write `when = {}`", excerpt(tokens))
    } else if syn::parse2::<Type>(tokens.clone()).is_ok() {
        format!("write `{name} = [is({})]`", excerpt(tokens))
    } else {
        format!("write `{}`", named.example)
    };
    fault(
        tokens,
        format_args!(
            "an entry of `{name}` is a type, a variant or a pattern, found `{}`",
            excerpt(tokens)
        ),
        help,
    )
}

/// An entry that would match every error.
fn everything(place: &impl ToTokens, list: List) -> syn::Error {
    let (found, name) = (excerpt(place), list.named.name);
    fault(
        place,
        format_args!("the entry `{found}` of `{name}` matches every error"),
        list.everything,
    )
}

fn bare_path(path: Path) -> Entry {
    match owner_of_variant(&path) {
        Some(owner) => Entry::Variant { owner, variant: path },
        None => Entry::Type(Type::Path(TypePath { attrs: Vec::new(), qself: None, path })),
    }
}

/// The path without its last segment, if what remains names a type.
fn owner_of_variant(path: &Path) -> Option<Path> {
    let mut owner = path.clone();
    owner.segments.pop();
    owner.segments.pop_punct();
    owner.segments.last().is_some_and(is_camel_case).then_some(owner)
}

fn is_camel_case(segment: &PathSegment) -> bool {
    segment
        .ident
        .unraw()
        .to_string()
        .trim_start_matches('_')
        .starts_with(|first: char| first.is_uppercase())
}

/// The type that a pattern belongs to: what has to be looked for among an error's sources.
fn owner(pattern: &Pat, list: List) -> syn::Result<Option<Path>> {
    let name = list.named.name;
    let of = |path: &Path| Some(owner_of_variant(path).unwrap_or_else(|| path.clone()));
    match pattern {
        Pat::Struct(pat) => Ok(of(&pat.path)),
        Pat::TupleStruct(pat) => Ok(of(&pat.path)),
        Pat::Path(pat) => Ok(of(&pat.path)),
        Pat::Paren(pat) => owner(&pat.pat, list),
        Pat::Reference(pat) => owner(&pat.pat, list),
        Pat::Wild(_) | Pat::Rest(_) => Err(everything(pattern, list)),
        Pat::Guard(pat) => Err(fault(
            pat,
            format_args!("an entry of `{name}` takes no `if`, found `{}`", excerpt(pat)),
            format_args!("write `when = |error| matches!(error, {})`", excerpt(pat)),
        )),
        Pat::Ident(pat) => {
            if let Some((_, inner)) = &pat.subpat {
                return owner(inner, list);
            }
            let path = Path::from(pat.ident.clone());
            if path.segments.last().is_some_and(is_camel_case) {
                Ok(Some(path))
            } else {
                Err(everything(pattern, list))
            }
        }
        Pat::Or(pat) => {
            let mut owners = Vec::new();
            for case in &pat.cases {
                owners.push(owner(case, list)?);
            }
            let texts: Vec<String> = owners.iter().map(source).collect();
            let first = owners.into_iter().next().flatten();
            match texts.iter().position(|text| *text != texts[0]) {
                None => Ok(first),
                Some(other) => Err(fault(
                    pat,
                    format_args!(
                        "the cases `{}` and `{}` of one pattern belong to different types",
                        excerpt(&pat.cases[0]),
                        excerpt(&pat.cases[other])
                    ),
                    format_args!(
                        "write them as entries of their own: `{name} = [{}, {}]`",
                        excerpt(&pat.cases[0]),
                        excerpt(&pat.cases[other])
                    ),
                )),
            }
        }
        // Literals, ranges, tuples, slices: the error itself.
        _ => Ok(None),
    }
}
