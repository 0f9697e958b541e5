//! A call of which nothing is asked but its outcome. A synchronous one is one call of the runtime instead
//! of a loop, which would keep the arguments in registers for a failure that seldom comes; an async one
//! has one step after each attempt.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use super::function::Frame;
use crate::model::Rule;
use crate::runtime_path::at;

impl Frame<'_> {
    /// Whether nothing is asked but the outcome, and nothing that follows a failure may use what the
    /// body holds. Where the body may be refused for an exclusive borrow that it keeps, only the loop
    /// has our words for it: a closure that is called again is refused in rustc's alone.
    pub(super) fn is_plain(&self) -> bool {
        let is_closed = match self.retry.rule.as_ref().map(|rule| &rule.value) {
            None | Some(Rule::Any | Rule::On(_)) => true,
            Some(Rule::When(function) | Rule::Classify(function)) => self.is_closed(function),
        };
        is_closed
            && !self.keeps_borrow
            && !self.is_async()
            && self.repeats
            && !self.is_timed()
            && self.asks_nothing()
    }

    /// Whether nothing is asked of an attempt but its outcome.
    pub(super) fn asks_nothing(&self) -> bool {
        !self.looks_at_values()
            && !self.tells_class()
            && self.breaker.is_none()
            && self.budget_key().is_none()
            && self.retry.on_retry.is_none()
    }

    /// The step of an async call: an expression that returns, or yields the delay before the next
    /// attempt.
    pub(super) fn plain_step(&self) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let span = site.located_at(self.output_span);
        let private_at = at(private, span);
        // What is said of the type is underlined at it.
        let outcome = quote_spanned!(span => &__steadfast_outcome);
        let exit =
            self.exit_with(&self.answer(), &quote_spanned!(site => ::core::option::Option::None));
        let by_itself =
            self.retry.rule.is_none() && self.retry.not_on.is_empty() && !self.is_limited();
        // Functions instead of a closure, which the compiler would look at in every function.
        let (method, explained) = if by_itself {
            let functions = quote_spanned! { span =>
                #private_at::Classify::classify, #private_at::find::text_of(#outcome).steadfast_text_fn()
            };
            (quote_spanned!(site => next), functions)
        } else {
            (quote_spanned!(site => step), self.explain())
        };
        let error = quote_spanned!(span => #private_at::Outcome::error(#outcome));
        quote_spanned! { site =>
            match #private::Polled::#method(
                &mut __steadfast_call,
                &__STEADFAST_OPERATION,
                #policy,
                #error,
                #explained,
            ) {
                ::core::option::Option::Some(__steadfast_delay) => __steadfast_delay,
                ::core::option::Option::None => { #exit }
            }
        }
    }

    /// A closure that classifies an error and finds its text.
    fn explain(&self) -> TokenStream {
        let (private, classified) = (&self.private, self.classified());
        quote_spanned! { Span::mixed_site() =>
            |__steadfast_error| {
                use #private::find::ways::*;
                #classified
                (__steadfast_class, __steadfast_text)
            }
        }
    }

    /// Whether an expression is sure not to name an argument.
    fn is_closed(&self, expr: &Expr) -> bool {
        let mut names = Vec::new();
        words(self.inputs.clone(), &mut names);
        let mut used = Vec::new();
        words(expr.to_token_stream(), &mut used);
        !used.iter().any(|word| names.contains(word))
    }

    /// The expression that the function's body becomes.
    pub(super) fn plain(&self, body: &Group) -> TokenStream {
        let Self { private, policy, .. } = self;
        let site = Span::mixed_site();
        let attempt = self.made(body);
        let explain = self.explain();
        let arguments = quote_spanned!(site => &__STEADFAST_OPERATION, #policy, #attempt, #explain);
        // A type that knows no failures is underlined where it is written.
        let span = site.located_at(self.output_span);
        let private = at(private, span);
        quote_spanned!(span => #private::blocking(#arguments))
    }
}

/// The words of some tokens, and of the strings that may name an argument in braces.
fn words(tokens: TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => words(group.stream(), found),
            TokenTree::Literal(literal) => {
                let literal = literal.to_string();
                let names = literal.split(|c: char| !c.is_alphanumeric() && c != '_');
                found.extend(names.map(str::to_owned));
            }
            TokenTree::Punct(_) => {}
        }
    }
}
