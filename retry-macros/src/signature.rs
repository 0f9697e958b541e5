//! What the annotated function is: its signature, its arguments, and its body as tokens that nobody
//! parses, so that a half-typed body leaves the function standing.

mod bindings;
mod output;
mod refusal;
mod tail;

pub(crate) use bindings::{Rebound, rebind, rebind_prologue};
pub(crate) use output::nameable;
pub(crate) use refusal::{may_keep_exclusive, refusal};
pub(crate) use tail::{AsyncTail, async_tail};

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, GenericParam, ReturnType, Signature, Token, Type, Visibility};

use crate::limits::too_nested;
use crate::validate::FunctionFacts;
use bindings::bindings;
use output::future_output;

pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) signature: Signature,
    /// `None` for a trait method without a body.
    pub(crate) body: Option<Group>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let defaultness = if input.peek(Token![default]) { Some(input.parse()?) } else { None };
        let signature = input.parse()?;
        let body = match input.parse::<TokenTree>().map(ungrouped)? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
            _ => None,
        };
        Ok(Self { attributes, visibility, defaultness, signature, body })
    }
}

impl Function {
    /// Reads an item. Its body is put aside meanwhile: a parser would copy all of it, and go down to
    /// its innermost group by recursion.
    pub(crate) fn read(item: &TokenStream) -> syn::Result<Self> {
        let mut trees: Vec<TokenTree> = item.clone().into_iter().collect();
        if let Some(last) = trees.pop() {
            trees.push(ungrouped(last));
        }
        let body = match trees.last_mut() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let mut empty = Group::new(Delimiter::Brace, TokenStream::new());
                empty.set_span(group.span());
                Some(std::mem::replace(group, empty))
            }
            _ => None,
        };
        let mut function: Self = syn::parse2(trees.into_iter().collect())?;
        if let Some(body) = body {
            function.body = Some(hoist_inner_attributes(body, &mut function.attributes));
        }
        Ok(function)
    }
}

/// A `$body:block` of `macro_rules!` comes in a group without delimiters.
fn ungrouped(token: TokenTree) -> TokenTree {
    match &token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inner = group.stream().into_iter();
            match (inner.next(), inner.next()) {
                (Some(only), None) => ungrouped(only),
                _ => token,
            }
        }
        _ => token,
    }
}

/// Inner attributes are not allowed in the block that the body moves to; on the function they mean
/// the same.
fn hoist_inner_attributes(body: Group, attributes: &mut Vec<Attribute>) -> Group {
    let starts_inner = |tokens: &TokenStream| {
        let mut tokens = tokens.clone().into_iter();
        matches!(
            (tokens.next(), tokens.next(), tokens.next()),
            (Some(TokenTree::Punct(hash)), Some(TokenTree::Punct(bang)), Some(TokenTree::Group(_)))
                if hash.as_char() == '#' && bang.as_char() == '!'
        )
    };
    let mut tokens = body.stream();
    if !starts_inner(&tokens) {
        return body;
    }
    while starts_inner(&tokens) {
        let mut rest = tokens.into_iter();
        let (hash, _bang, bracket) = (rest.next(), rest.next(), rest.next());
        let outer: TokenStream = [hash, bracket].into_iter().flatten().collect();
        if too_nested(&outer) {
            return body;
        }
        if let Ok(mut parsed) = syn::parse::Parser::parse2(Attribute::parse_outer, outer) {
            attributes.append(&mut parsed);
        }
        tokens = rest.collect();
    }
    let mut hoisted = Group::new(Delimiter::Brace, tokens);
    hoisted.set_span(body.span());
    hoisted
}

/// How the function produces its outcome.
pub(crate) enum Kind {
    Sync,
    Async,
    /// Returns a future of this output, in a box or not.
    Future {
        output: Box<Type>,
        boxed: bool,
    },
}

impl Function {
    pub(crate) fn facts(&self) -> FunctionFacts {
        let mut arguments = Vec::new();
        for argument in &self.signature.inputs {
            if let FnArg::Typed(argument) = argument {
                bindings(&argument.pat, &mut |binding| {
                    arguments.push(binding.ident.unraw().to_string());
                });
            }
        }
        let mut instantiated = vec!["Self".to_owned()];
        for parameter in &self.signature.generics.params {
            match parameter {
                GenericParam::Type(parameter) => instantiated.push(parameter.ident.to_string()),
                GenericParam::Const(parameter) => instantiated.push(parameter.ident.to_string()),
                GenericParam::Lifetime(_) => {}
            }
        }
        FunctionFacts { is_async: !matches!(self.kind(), Kind::Sync), arguments, instantiated }
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.signature.asyncness.is_some() {
            return Kind::Async;
        }
        match self.output() {
            Some(output) => future_output(output).unwrap_or(Kind::Sync),
            None => Kind::Sync,
        }
    }

    pub(crate) fn output(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some(output),
        }
    }

    /// Where a complaint about what the function returns points.
    pub(crate) fn output_span(&self) -> Span {
        self.output().map_or_else(|| self.signature.ident.span(), syn::spanned::Spanned::span)
    }

    /// The function as it was, with another body and without `mut` at its arguments if the body
    /// binds them anew.
    pub(crate) fn with_body(&self, signature: &Signature, body: &TokenStream) -> TokenStream {
        let Self { attributes, visibility, defaultness, .. } = self;
        quote!(#(#attributes)* #visibility #defaultness #signature #body)
    }

    /// The function untouched, for an expansion that failed.
    pub(crate) fn untouched(&self) -> TokenStream {
        let body = match &self.body {
            Some(body) => body.to_token_stream(),
            None => quote!(;),
        };
        self.with_body(&self.signature, &body)
    }
}

/// Whether a lifetime stands in the tokens that is none of these.
pub(crate) fn has_lifetime_but(these: &[&str], tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                !matches!(tokens.peek(), Some(TokenTree::Ident(name)) if these.iter().any(|it| name == it))
            }
            TokenTree::Group(group) => has_lifetime_but(these, group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => has_word(group.stream(), word),
        _ => false,
    })
}
