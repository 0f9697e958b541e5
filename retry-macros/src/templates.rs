//! Strings whose placeholders are arguments: `"order_{order_id}"`, with `{{` for a brace.
//!
//! Reads the string and nothing else: what a placeholder's type may be is for the compiler.

use proc_macro2::Span;
use syn::{Expr, Ident};

use crate::diagnostics::{fault, quoted};
use crate::model::{Piece, Template};
use crate::values::{Named, argument_help, string};

/// Takes a template apart. It has to name an argument: one key for all calls is no key.
pub(crate) fn template(named: Named, arguments: &[String], expr: &Expr) -> syn::Result<Template> {
    let text = string(named, expr)?;
    let value = text.value();
    let wrong = |what: String, help: String| Err(fault(expr, what, help));
    let found = || format!("found {}", quoted(&value));
    if value.trim().is_empty() {
        let what = format!("`{}` is empty, {}", named.name, found());
        return wrong(what, format!("write `{}`", named.example));
    }
    let argument_help = |word: &str| match arguments {
        [] => "take what the key is made of as an argument of the function".to_owned(),
        _ => argument_help(word, arguments, |name| format!("{{{name}}}")),
    };
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                literal.push(letter);
            }
            '}' => {
                let what = format!("`{}` has a `}}` that closes nothing, {}", named.name, found());
                return wrong(what, "write `}}` for a brace in the text".to_owned());
            }
            '{' => {
                let Some(placeholder) = until_closed(&mut letters) else {
                    let what =
                        format!("`{}` has a `{{` that is never closed, {}", named.name, found());
                    return wrong(what, "write `{{` for a brace in the text".to_owned());
                };
                let argument = placeholder.trim();
                if argument.is_empty() {
                    let what = format!("`{}` has an empty placeholder, {}", named.name, found());
                    return wrong(what, argument_help(""));
                }
                if !arguments.iter().any(|known| known == argument) {
                    let what = format!(
                        "`{{{argument}}}` in `{}` names no argument of the function",
                        named.name
                    );
                    // `{tenant:?}` and `{tenant.id}` are one letter away from what works.
                    let head = argument.split([':', '.']).next().unwrap_or_default();
                    return wrong(what, argument_help(head));
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Argument(identifier(argument, text.span())));
            }
            letter => literal.push(letter),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    let template = Template { pieces, text };
    if !template.pieces.iter().any(|piece| matches!(piece, Piece::Argument(_))) {
        let what = format!("`{}` names no argument, {}", named.name, found());
        return wrong(what, argument_help(""));
    }
    Ok(template)
}

/// What stands before the next `}`.
fn until_closed(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut placeholder = String::new();
    loop {
        match letters.next()? {
            '}' => return Some(placeholder),
            letter => placeholder.push(letter),
        }
    }
}

/// An argument's name comes without its `r#`.
fn identifier(name: &str, span: Span) -> Ident {
    let mut ident = syn::parse_str::<Ident>(name).unwrap_or_else(|_| Ident::new_raw(name, span));
    ident.set_span(span);
    ident
}
