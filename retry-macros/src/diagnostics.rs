//! Collects every fault of one attribute, so that one build reports them all.
//!
//! A fault is two lines: what is wrong, then `help:` with text to paste. This file knows how they
//! are worded and placed, not what can be wrong.
//!
//! What takes any iterator or anything that prints only passes it on: a copy of the rest for each
//! caller would be a tenth of what compiling this crate costs.

use std::fmt::Display;

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// A fault that points at every token of `place`, not only at the first.
pub(crate) fn fault(place: &impl ToTokens, what: impl Display, help: impl Display) -> syn::Error {
    spanned(place.to_token_stream(), &what, &help)
}

fn spanned(place: TokenStream, what: &dyn Display, help: &dyn Display) -> syn::Error {
    syn::Error::new_spanned(place, format_args!("{what}\nhelp: {help}"))
}

/// A fault that points at one span.
pub(crate) fn fault_at(span: Span, what: impl Display, help: impl Display) -> syn::Error {
    at(span, &what, &help)
}

fn at(span: Span, what: &dyn Display, help: &dyn Display) -> syn::Error {
    syn::Error::new(span, format_args!("{what}\nhelp: {help}"))
}

#[derive(Default)]
pub(crate) struct Diagnostics {
    faults: Vec<syn::Error>,
}

impl Diagnostics {
    pub(crate) fn error(&mut self, span: Span, what: impl Display, help: impl Display) {
        self.push(fault_at(span, what, help));
    }

    pub(crate) fn push(&mut self, fault: syn::Error) {
        self.faults.push(fault);
    }

    /// Keeps the fault and goes on without the value.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.faults.len()
    }

    /// One `compile_error!` for each fault.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.faults.iter().map(syn::Error::to_compile_error).collect()
    }

    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.faults.iter().map(ToString::to_string).collect()
    }
}

/// The candidate that `word` was most likely meant to be, if any is close enough.
///
/// One edit for each three letters: more, and unrelated short names become each other.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut nearest = None;
    for candidate in candidates {
        closer(&word, candidate, &mut nearest);
    }
    nearest.map(|(_, candidate)| candidate)
}

/// Takes `candidate` where it is close enough, and closer than the nearest before it.
fn closer<'a>(word: &str, candidate: &'a str, nearest: &mut Option<(usize, &'a str)>) {
    let edits = edits(word, candidate);
    if edits <= candidate.chars().count().div_ceil(3)
        && nearest.is_none_or(|(fewest, _)| edits < fewest)
    {
        *nearest = Some((edits, candidate));
    }
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edits(from: &str, to: &str) -> usize {
    // The table is quadratic, and no option's name is near this long.
    const LONGEST: usize = 64;
    let from: Vec<char> = from.chars().take(LONGEST).collect();
    let to: Vec<char> = to.chars().take(LONGEST).collect();
    let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let same = from[i - 1] == to[j - 1];
                let mut best = (table[i - 1][j] + 1)
                    .min(table[i][j - 1] + 1)
                    .min(table[i - 1][j - 1] + usize::from(!same));
                if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                    best = best.min(table[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    table[from.len()][to.len()]
}

/// `` `a`, `b` or `c` ``
pub(crate) fn alternatives<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "or")
}

/// `` `a`, `b` and `c` ``
pub(crate) fn all_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    joined(words, "and")
}

fn joined<'a>(words: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut all = Vec::new();
    for word in words {
        all.push(word);
    }
    listed(&all, last)
}

fn listed(words: &[&str], last: &str) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// The tokens as their author would have written them, for text to paste: `TokenStream`'s own
/// `Display` puts spaces around every `::`.
pub(crate) fn source(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write_source(tokens.to_token_stream(), &mut text);
    text
}

/// As [`source`], cut where a message would become unreadable.
pub(crate) fn excerpt(tokens: &impl ToTokens) -> String {
    shortened(&source(tokens))
}

/// Cuts `text` where a message would become unreadable.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A string as it may stand in a message: escaped, and not endless.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn write_source(tokens: TokenStream, text: &mut String) {
    // Nothing, an operand, or an operator that wants a space behind it stands before the gap.
    #[derive(Clone, Copy, PartialEq)]
    enum Before {
        Tight,
        Operand,
        Space,
    }
    let mut before = Before::Tight;
    let mut in_closure_head = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let (piece, gap, after) = match token {
            TokenTree::Ident(ident) => {
                (ident.to_string(), before != Before::Tight, Before::Operand)
            }
            TokenTree::Literal(literal) => {
                (literal.to_string(), before != Before::Tight, Before::Operand)
            }
            TokenTree::Group(group) => {
                let braced = group.delimiter() == Delimiter::Brace;
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                let mut piece = open.to_owned();
                write_source(group.stream(), &mut piece);
                piece.push_str(close);
                (piece, before == Before::Space || braced && before == Before::Operand, {
                    Before::Operand
                })
            }
            TokenTree::Punct(punct) => {
                let mut operator = punct.as_char().to_string();
                let mut joint = punct.spacing() == Spacing::Joint;
                while joint && !matches!(operator.as_str(), "," | ";" | "'") {
                    let Some(TokenTree::Punct(next)) = tokens.peek() else { break };
                    if matches!(next.as_char(), ',' | ';' | '\'') {
                        break;
                    }
                    operator.push(next.as_char());
                    joint = next.spacing() == Spacing::Joint;
                    tokens.next();
                }
                let operand = before == Before::Operand;
                let (gap, after) = match operator.as_str() {
                    "|" if in_closure_head => {
                        in_closure_head = false;
                        (false, Before::Space)
                    }
                    "|" if !operand || text.ends_with("move") => {
                        in_closure_head = true;
                        (before != Before::Tight, Before::Tight)
                    }
                    // The name of a macro.
                    "!" if operand && matches!(tokens.peek(), Some(TokenTree::Group(_))) => {
                        (false, Before::Tight)
                    }
                    "=" => (operand, Before::Space),
                    "," | ";" | ":" => (false, Before::Space),
                    "==" | "!=" | "<=" | ">=" | "=>" | "->" | "|" | "||" | "&&" | "+" | "*"
                    | "/" | "%"
                        if operand =>
                    {
                        (true, Before::Space)
                    }
                    "-" if operand => (true, Before::Space),
                    "&" | "'" | "#" | "!" | "-" => (before != Before::Tight, Before::Tight),
                    _ => (before == Before::Space, Before::Tight),
                };
                (operator, gap, after)
            }
        };
        if gap {
            text.push(' ');
        }
        text.push_str(&piece);
        before = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_written_as_by_hand() {
        for text in [
            "a::b::C",
            "Http { status: 500..=599, .. }",
            "Box<dyn Error + Send>",
            "foo::<A, B>(x, 1)",
            "|error| matches!(error, E::A | E::B(_))",
            "&'static str",
            "[A, B::C]",
            "x == -1",
            "\"text\"",
            "move |e: &E| e.is_transient()",
            "A | B",
            "if x == 3",
        ] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(source(&tokens), text);
        }
    }

    #[test]
    fn nearest_name_needs_to_be_near() {
        let names = ["max_attempts", "on", "name", "jitter"];
        assert_eq!(nearest("max_attemps", names), Some("max_attempts"));
        assert_eq!(nearest("jiter", names), Some("jitter"));
        assert_eq!(nearest("nmae", names), Some("name"));
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn every_fault_becomes_one_compile_error() {
        let mut diagnostics = Diagnostics::default();
        assert!(diagnostics.is_empty());
        diagnostics.error(Span::call_site(), "one", "write it");
        diagnostics.error(Span::call_site(), "two", "write it");
        assert!(!diagnostics.is_empty());
        let tokens = diagnostics.into_tokens().to_string();
        assert_eq!(tokens.matches("compile_error").count(), 2);
        assert!(tokens.contains("one\\nhelp: write it"), "{tokens}");
    }
}
