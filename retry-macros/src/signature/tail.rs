//! A body that ends in an async block, as `#[async_trait]` and hand-written futures have it: what
//! runs once, and what every attempt runs.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::has_word;

/// A body that ends in an async block: what comes before it, the block's own prologue, its content.
pub(crate) struct AsyncTail {
    /// Everything before the block, with an opened `Box::pin(` left out.
    pub(crate) before: TokenStream,
    /// `async` or `async move`.
    pub(crate) head: TokenStream,
    /// The path of a boxing call around the block.
    pub(crate) boxing: Option<TokenStream>,
    /// Statements at the start of the block that run once: what `#[async_trait]` puts there.
    pub(crate) prologue: TokenStream,
    pub(crate) content: Group,
}

pub(crate) fn async_tail(body: &Group) -> Option<AsyncTail> {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    // A future that is returned earlier would never be retried.
    let returns = |before: &[TokenTree]| has_word(before.iter().cloned().collect(), "return");
    if let Some((before, head, content)) = ends_in_async(&tokens) {
        return (!returns(before)).then(|| tail(before, head, None, content));
    }
    let (last, rest) = tokens.split_last()?;
    let TokenTree::Group(argument) = last else { return None };
    if argument.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    // `Box::pin(…)`, with any path before it.
    let start = rest.iter().rposition(|token| {
        !matches!(token, TokenTree::Ident(_))
            && !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
    });
    let (before, path) = rest.split_at(start.map_or(0, |start| start + 1));
    if returns(before) || !matches!(path.last(), Some(TokenTree::Ident(ident)) if ident == "pin") {
        return None;
    }
    let inner: Vec<TokenTree> = argument.stream().into_iter().collect();
    let (nothing, head, content) = ends_in_async(&inner)?;
    if !nothing.is_empty() {
        return None;
    }
    Some(tail(before, head, Some(path.iter().cloned().collect()), content))
}

fn ends_in_async(tokens: &[TokenTree]) -> Option<(&[TokenTree], TokenStream, Group)> {
    let (last, rest) = tokens.split_last()?;
    let TokenTree::Group(content) = last else { return None };
    if content.delimiter() != Delimiter::Brace {
        return None;
    }
    let is = |token: Option<&TokenTree>, word: &str| matches!(token, Some(TokenTree::Ident(ident)) if ident == word);
    let length = rest.len();
    let head = if is(rest.last(), "async") {
        1
    } else if is(rest.last(), "move") && length >= 2 && is(rest.get(length - 2), "async") {
        2
    } else {
        return None;
    };
    let (before, head) = rest.split_at(length - head);
    Some((before, head.iter().cloned().collect(), content.clone()))
}

fn tail(
    before: &[TokenTree],
    head: TokenStream,
    boxing: Option<TokenStream>,
    block: Group,
) -> AsyncTail {
    let (prologue, content) = async_trait_prologue(&block).unwrap_or((TokenStream::new(), block));
    AsyncTail { before: before.iter().cloned().collect(), head, boxing, prologue, content }
}

/// Splits `PROLOGUE let __ret: T = { BODY }; __ret`, which is what `#[async_trait]` makes of a body.
fn async_trait_prologue(block: &Group) -> Option<(TokenStream, Group)> {
    let tokens: Vec<TokenTree> = block.stream().into_iter().collect();
    let position = tokens.windows(2).rposition(|pair| {
        matches!(pair, [TokenTree::Ident(key), TokenTree::Ident(name)] if key == "let" && name == "__ret")
    })?;
    let (prologue, rest) = tokens.split_at(position);
    let body = rest.iter().rev().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.clone()),
        _ => None,
    })?;
    Some((prologue.iter().cloned().collect(), body))
}
