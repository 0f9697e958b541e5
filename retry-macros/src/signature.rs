//! What the annotated function is: its signature, its arguments, and its body as tokens that nobody
//! parses, so that a half-typed body leaves the function standing.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, Ident, Pat, PathArguments, ReturnType,
    Signature, Token, Type, TypeParamBound, Visibility,
};

use crate::limits::too_nested;
use crate::runtime_path::at;
use crate::validate::FunctionFacts;

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

/// An argument that every attempt binds anew.
pub(crate) struct Rebound {
    pub(crate) tokens: TokenStream,
}

pub(crate) struct Binding<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) mutable: bool,
    pub(crate) by_reference: bool,
}

/// What every attempt has to bind anew, and the signature without the `mut`s that moved there.
///
/// `&mut` arguments are reborrowed, `mut` ones start fresh. `cloned` names those that were cloned.
pub(crate) fn rebind(
    signature: &Signature,
    cloned: &[Ident],
    private: &TokenStream,
) -> (Signature, Vec<Rebound>) {
    let mut stripped = signature.clone();
    let mut rebound = Vec::new();
    let span = Span::mixed_site();
    for argument in &mut stripped.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let conditions: Vec<_> =
            argument.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
        let exclusive = is_exclusive(&argument.ty) && matches!(&*argument.pat, Pat::Ident(_));
        bindings(&argument.pat, &mut |binding| {
            let ident = binding.ident;
            let mutability = binding.mutable.then(|| quote!(mut));
            let value = if let Some(named) = cloned.iter().find(|cloned| *cloned == ident) {
                // A type that cannot be cloned is told where the clone was asked for.
                let span = span.located_at(named.span());
                let mut ident = ident.clone();
                ident.set_span(ident.span().located_at(span));
                quote_spanned!(span => ::core::clone::Clone::clone(&#ident))
            } else if exclusive || (binding.by_reference && binding.mutable) {
                quote_spanned!(span => &mut *#ident)
            } else if binding.mutable && !binding.by_reference {
                let span = span.located_at(ident.span());
                let private = at(private, span);
                // The braces keep rustc from proposing changes to the pattern.
                quote_spanned!(span => #private::fresh({ #ident }))
            } else {
                return;
            };
            let mutability = mutability.filter(|_| !binding.by_reference);
            rebound.push(Rebound {
                tokens: quote_spanned!(span => #(#conditions)* let #mutability #ident = #value;),
            });
        });
        strip_mut(&mut argument.pat);
    }
    (stripped, rebound)
}

fn is_exclusive(ty: &Type) -> bool {
    matches!(ty, Type::Reference(ty) if ty.mutability.is_some())
}

/// What `#[async_trait]` bound as `mut` in its prologue, which runs once: attempts bind it anew.
pub(crate) fn rebind_prologue(
    signature: &Signature,
    prologue: TokenStream,
) -> (TokenStream, Vec<Rebound>) {
    let exclusive = |ident: &Ident| {
        signature.inputs.iter().any(|argument| match argument {
            FnArg::Typed(argument) => {
                is_exclusive(&argument.ty)
                    && matches!(&*argument.pat, Pat::Ident(pattern) if pattern.ident == *ident)
            }
            FnArg::Receiver(_) => false,
        })
    };
    let parse = syn::Block::parse_within;
    let Ok(mut statements) = syn::parse::Parser::parse2(parse, prologue.clone()) else {
        return (prologue, Vec::new());
    };
    let mut rebound = Vec::new();
    for statement in &mut statements {
        let syn::Stmt::Local(local) = statement else { continue };
        // The receiver is `mut` for no reason of the user's.
        if matches!(&local.pat, Pat::Ident(pattern) if pattern.ident == "__self") {
            continue;
        }
        bindings(&local.pat, &mut |binding| {
            let ident = binding.ident;
            if binding.mutable && !binding.by_reference {
                let span = Span::mixed_site();
                let tokens = if exclusive(ident) {
                    quote_spanned!(span => let mut #ident = &mut *#ident;)
                } else {
                    quote_spanned!(span => let mut #ident = #ident;)
                };
                rebound.push(Rebound { tokens });
            }
        });
        strip_mut(&mut local.pat);
    }
    (quote!(#(#statements)*), rebound)
}

fn bindings<'a>(pattern: &'a Pat, found: &mut dyn FnMut(Binding<'a>)) {
    match pattern {
        Pat::Ident(pattern) => {
            found(Binding {
                ident: &pattern.ident,
                mutable: pattern.mutability.is_some(),
                by_reference: pattern.by_ref.is_some(),
            });
            if let Some((_, inner)) = &pattern.subpat {
                bindings(inner, found);
            }
        }
        Pat::Tuple(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::TupleStruct(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::Slice(pattern) => pattern.elems.iter().for_each(|inner| bindings(inner, found)),
        Pat::Struct(pattern) => {
            pattern.fields.iter().for_each(|field| bindings(&field.pat, found));
        }
        Pat::Reference(pattern) => bindings(&pattern.pat, found),
        Pat::Paren(pattern) => bindings(&pattern.pat, found),
        Pat::Type(pattern) => bindings(&pattern.pat, found),
        _ => {}
    }
}

/// Takes `mut` off by-value bindings; `ref mut` keeps it.
fn strip_mut(pattern: &mut Pat) {
    match pattern {
        Pat::Ident(pattern) => {
            if pattern.by_ref.is_none() {
                pattern.mutability = None;
            }
            if let Some((_, inner)) = &mut pattern.subpat {
                strip_mut(inner);
            }
        }
        Pat::Tuple(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::TupleStruct(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::Slice(pattern) => pattern.elems.iter_mut().for_each(strip_mut),
        Pat::Struct(pattern) => {
            pattern.fields.iter_mut().for_each(|field| strip_mut(&mut field.pat));
        }
        Pat::Reference(pattern) => strip_mut(&mut pattern.pat),
        Pat::Paren(pattern) => strip_mut(&mut pattern.pat),
        Pat::Type(pattern) => strip_mut(&mut pattern.pat),
        _ => {}
    }
}

/// What can be wrong with a body that borrow checking refuses, as far as the signature tells: the
/// macro of the runtime with that name.
pub(crate) fn refusal(signature: &Signature) -> Ident {
    let exclusive = signature.inputs.iter().any(|argument| match argument {
        FnArg::Receiver(receiver) => match &receiver.kind {
            syn::ReceiverKind::Value => false,
            _ => has_word(receiver.to_token_stream(), "mut"),
        },
        FnArg::Typed(argument) => has_word(argument.ty.to_token_stream(), "mut"),
    });
    // What outlives the call: `Holder<'a>` takes a `&'a mut T` in.
    let named = signature.generics.lifetimes().next().is_some();
    let output = signature.output.to_token_stream();
    let consumes_self = matches!(
        signature.inputs.first(),
        Some(FnArg::Receiver(receiver)) if matches!(receiver.kind, syn::ReceiverKind::Value)
    );
    let name = if exclusive && (named || has_borrow(output)) {
        "a_body_that_returns_or_keeps_a_borrow_of_its_exclusive_reference_cannot_be_retried"
    } else if consumes_self {
        "every_attempt_needs_self_so_take_a_reference_or_clone_what_the_body_consumes"
    } else {
        "every_attempt_needs_the_arguments_so_name_what_the_body_consumes_in_clone"
    };
    Ident::new(name, Span::mixed_site())
}

fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => has_word(group.stream(), word),
        _ => false,
    })
}

fn has_borrow(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
        TokenTree::Group(group) => has_borrow(group.stream()),
        _ => false,
    })
}

/// The type with every `impl Trait` left to inference, to be named inside the function.
pub(crate) fn nameable(ty: &Type) -> Type {
    match ty {
        Type::ImplTrait(ty) => Type::Infer(syn::TypeInfer {
            attrs: Vec::new(),
            underscore_token: Token![_](ty.span()),
        }),
        Type::Path(path) => {
            let mut path = path.clone();
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
                    for argument in &mut arguments.args {
                        if let GenericArgument::Type(ty) = argument {
                            *ty = nameable(ty);
                        }
                    }
                }
            }
            Type::Path(path)
        }
        Type::Tuple(tuple) => {
            let mut tuple = tuple.clone();
            tuple.elems.iter_mut().for_each(|ty| *ty = nameable(ty));
            Type::Tuple(tuple)
        }
        Type::Reference(reference) => {
            let mut reference = reference.clone();
            *reference.elem = nameable(&reference.elem);
            Type::Reference(reference)
        }
        Type::Paren(paren) => nameable(&paren.elem),
        Type::Group(group) => nameable(&group.elem),
        _ => ty.clone(),
    }
}

/// `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T> + …>>`, `BoxFuture<'_, T>`.
fn future_output(ty: &Type) -> Option<Kind> {
    match ty {
        Type::ImplTrait(ty) => bounds_output(ty.bounds.iter())
            .map(|output| Kind::Future { output: Box::new(output), boxed: false }),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let mut types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                return Some(Kind::Future { output: Box::new(types.next()?.clone()), boxed: true });
            }
            if last.ident != "Pin" {
                return None;
            }
            let Type::Path(inner) = types.next()? else { return None };
            let inner = inner.path.segments.last().filter(|segment| segment.ident == "Box")?;
            let PathArguments::AngleBracketed(arguments) = &inner.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(Type::TraitObject(object)) => {
                    bounds_output(object.bounds.iter())
                        .map(|output| Kind::Future { output: Box::new(output), boxed: true })
                }
                _ => None,
            })
        }
        Type::Paren(paren) => future_output(&paren.elem),
        Type::Group(group) => future_output(&group.elem),
        _ => None,
    }
}

fn bounds_output<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<Type> {
    bounds.filter_map(as_trait).find_map(|path| {
        let last = path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => {
                Some(output.ty.clone())
            }
            _ => None,
        })
    })
}

fn as_trait(bound: &TypeParamBound) -> Option<&syn::Path> {
    match bound {
        TypeParamBound::Trait(bound) => Some(&bound.path),
        _ => None,
    }
}

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
