//! What can only be wrong across options: literals that contradict each other, the function, or
//! another attribute of the stack.
//!
//! An option that was not said counts with its default, unless a shared policy may say it. An
//! option whose value was refused counts with nothing, so that one mistake is one error.

mod breaker;
mod function;
mod idempotent;
mod retry;
mod schedule;
mod stack;

pub(crate) use breaker::{breaker, breaker_of_a_path};
pub(crate) use function::function;
pub(crate) use idempotent::idempotent;
pub(crate) use retry::{budget, retry};
pub(crate) use stack::stack;

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::diagnostics::fault_at;
use crate::durations::write_duration;
use crate::model::{DurationValue, Spanned};
use crate::options::Table;
use crate::values::Named;

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
pub(crate) struct Given<O> {
    options: Vec<(O, Span)>,
}

impl<O> Default for Given<O> {
    fn default() -> Self {
        Self { options: Vec::new() }
    }
}

impl<O: Table> Given<O> {
    pub(crate) fn add(&mut self, option: O, name: Span) {
        self.options.push((option, name));
    }

    pub(crate) fn span(&self, option: O) -> Option<Span> {
        self.options.iter().find(|(given, _)| *given == option).map(|(_, span)| *span)
    }

    /// Whether one of them was written.
    fn any(&self, options: &[O]) -> bool {
        options.iter().any(|option| self.span(*option).is_some())
    }
}

/// The value of a duration that was written as a literal.
fn literal(duration: Option<&Spanned<DurationValue>>) -> Option<Duration> {
    duration?.value.literal()
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

/// Refuses what the runtime would find too short to work with.
pub(crate) fn long_enough(
    named: Named,
    shortest: Duration,
    duration: Spanned<DurationValue>,
) -> syn::Result<Spanned<DurationValue>> {
    match duration.value.literal() {
        Some(found) if found < shortest => {
            let (least, found) = (write_duration(shortest), write_duration(found));
            let what = format!("`{}` must be at least {least}, found {found}", named.name);
            Err(fault_at(duration.span, what, format_args!("write `{}`", named.example)))
        }
        _ => Ok(duration),
    }
}
