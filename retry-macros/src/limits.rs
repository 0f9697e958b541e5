//! How much is read at all. Parsing recurses, and a stack overflow is no error message: it takes
//! the compiler down without a line to look at.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Too much to be even looked at: printing descends into groups, too.
pub(crate) fn too_large(tokens: &TokenStream) -> bool {
    beyond(tokens, 20_000, 64)
}

/// What [`weight`] may come to.
const HEAVIEST: usize = 64;

/// Too much to be parsed as one expression, type or pattern.
///
/// A level of generics takes some 30 KiB of stack in an unoptimized build, other levels less; the
/// limits leave room on a stack of 2 MiB.
pub(crate) fn too_nested(tokens: &TokenStream) -> bool {
    beyond(tokens, 1_000, 32) || too_heavy(tokens)
}

/// No token weighs more than two, and most heads and options have few.
fn too_heavy(tokens: &TokenStream) -> bool {
    beyond(tokens, HEAVIEST / 2, usize::MAX) && weight(tokens.clone()) > HEAVIEST
}

/// Whether what stands before a body is too much to be parsed. The body itself is not parsed.
pub(crate) fn head_too_nested(item: &TokenStream) -> bool {
    let mut head: Vec<TokenTree> = item.clone().into_iter().collect();
    match head.last() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            head.pop();
        }
        // A body that a `macro_rules!` was given: it is not put aside, but nor is it an expression.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            if beyond(&group.stream(), usize::MAX, 128) {
                return true;
            }
            head.pop();
        }
        _ => {}
    }
    let head: TokenStream = head.into_iter().collect();
    beyond(&head, 20_000, 32) || too_heavy(&head)
}

fn beyond(tokens: &TokenStream, most: usize, deepest: usize) -> bool {
    let mut open = vec![tokens.clone().into_iter()];
    let mut count = 0;
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            None => {
                open.pop();
                continue;
            }
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(_) => {}
        }
        count += 1;
        if count > most || open.len() > deepest {
            return true;
        }
    }
    false
}

/// An upper bound of how deeply a parser recurses, in units of the cheapest level. Called only
/// where the groups are known not to be too deep.
fn weight(tokens: TokenStream) -> usize {
    let mut heaviest = 0;
    let (mut generics, mut prefixes): (usize, usize) = (0, 0);
    // Whether an operand stands before this token, and before the one before.
    let (mut operand, mut operand_before) = (false, false);
    let mut before = ' ';
    let mut joint = false;
    let mut closure_head = false;
    for token in tokens {
        let mut is_operand = true;
        let mut letter = ' ';
        match &token {
            // The body of a macro is not parsed.
            TokenTree::Group(_) if before == '!' && operand_before => {}
            TokenTree::Group(group) => {
                let level = if group.delimiter() == Delimiter::None { 1 } else { 2 };
                heaviest = heaviest.max(generics + prefixes + level + weight(group.stream()));
            }
            // A lifetime.
            TokenTree::Ident(_) if before == '\'' => is_operand = false,
            TokenTree::Ident(word) => {
                const NESTING: [&str; 24] = [
                    "as", "async", "become", "break", "const", "do", "dyn", "else", "fn", "for",
                    "gen", "if", "impl", "in", "let", "match", "move", "mut", "ref", "return",
                    "static", "unsafe", "while", "yield",
                ];
                // A word behind a word was a keyword, too: `box x`.
                if operand && before == ' ' || NESTING.iter().any(|nesting| word == nesting) {
                    prefixes += 1;
                    is_operand = false;
                }
            }
            TokenTree::Literal(_) => {}
            TokenTree::Punct(punct) => {
                is_operand = false;
                letter = punct.as_char();
                let doubled = before == letter && operand_before;
                match letter {
                    ',' => prefixes = 0,
                    ';' => (generics, prefixes) = (0, 0),
                    '<' => generics += 2,
                    // `->`
                    '>' if before == '-' && joint => prefixes += 2,
                    '>' => generics = generics.saturating_sub(2),
                    '|' if closure_head => {
                        closure_head = false;
                        // What follows is an operator of its own, not the second of `||`.
                        letter = ' ';
                    }
                    '&' | '|' | '.' if doubled => {}
                    '|' if !operand => {
                        prefixes += 1;
                        closure_head = true;
                    }
                    '!' | '-' | '&' | '*' | '.' if !operand => prefixes += 1,
                    '=' if punct.spacing() == Spacing::Alone && !joint => prefixes += 1,
                    '@' => prefixes += 1,
                    _ => {}
                }
                joint = punct.spacing() == Spacing::Joint;
            }
        }
        if letter == ' ' {
            joint = false;
        }
        heaviest = heaviest.max(generics + prefixes);
        operand_before = operand;
        operand = is_operand;
        before = letter;
    }
    heaviest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> TokenStream {
        text.parse().unwrap()
    }

    #[test]
    fn what_people_write_is_within_the_limits() {
        let cases: Vec<String> = (0..200).map(|case| format!("Case{case}")).collect();
        for text in [
            cases.join(" | "),
            cases.join(" && "),
            cases.join(" == "),
            format!("|error| matches!(error, {})", cases.join(" | ")),
            format!("|error| {{ {} }}", "let x = &**error; !x.a(-1) && x < 3; ".repeat(20)),
            "Result<Vec<Option<Box<dyn Fn(&str) -> Result<A, B>>>>, C<D<E>>>".to_owned(),
        ] {
            assert!(!too_nested(&tokens(&text)), "{text}");
        }
    }

    #[test]
    fn commas_do_not_hide_the_generics_around_them() {
        assert!(too_nested(&tokens(&format!("{}B{}", "A<".repeat(40), ">".repeat(40)))));
        assert!(too_nested(&tokens(&format!("{}B{}", "A<B, ".repeat(40), ">".repeat(40)))));
    }
}
