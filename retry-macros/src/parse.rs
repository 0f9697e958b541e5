//! From tokens to the model, one option at a time.
//!
//! A fault in one option hides no other. What a value may be is known to `values`, what options
//! may stand beside each other to `validate`. Here is what the attributes share.

mod breaker;
mod budget;
mod idempotent;
mod retry;

use breaker::breaker;
use idempotent::idempotent;
use retry::retry;

use proc_macro2::{Delimiter, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, LitBool, LitStr, Path};

use crate::diagnostics::{Diagnostics, all_of, excerpt, fault};
use crate::items::{Angles, Item, Shape, only_group, split};
use crate::model::{Breaker, DurationValue, Idempotent, Retry, Rule, Spanned, Stack};
use crate::options::{BreakerOption, IdempotentOption, RetryOption, Table};
use crate::siblings::{Attribute, Sibling};
use crate::validate::{self, FunctionFacts, Given};
use crate::values::{self, Bounds, Named};

/// What is known of an attribute beside its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) facts: &'a FunctionFacts,
    /// What the attribute says, or its path: where to point for what it does not say.
    pub(crate) place: &'a TokenStream,
    /// Whether no other attribute of ours stands on the function.
    pub(crate) alone: bool,
}

/// One attribute as it was read.
pub(crate) struct Read<M, O> {
    pub(crate) model: M,
    pub(crate) given: Given<O>,
    /// What the attribute says, or its path: where to point for what it does not say.
    pub(crate) place: TokenStream,
}

/// The attributes of one function as they were read, before they are looked at together.
#[derive(Default)]
pub(crate) struct ReadStack {
    pub(crate) idempotent: Option<Read<Idempotent, IdempotentOption>>,
    pub(crate) retry: Option<Read<Retry, RetryOption>>,
    pub(crate) breaker: Option<Read<Breaker, BreakerOption>>,
}

/// Reads each attribute of a stack.
pub(crate) fn stack(
    siblings: Vec<Sibling>,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> ReadStack {
    let alone = siblings.len() == 1;
    let mut stack = ReadStack::default();
    for Sibling { attribute, args, path, .. } in siblings {
        let place = if args.is_empty() { path } else { args.clone() };
        let around = Around { facts, place: &place, alone };
        match attribute {
            Attribute::Idempotent => stack.idempotent = Some(idempotent(args, around, diagnostics)),
            Attribute::Retry => stack.retry = Some(retry(args, around, diagnostics)),
            Attribute::Breaker => stack.breaker = Some(breaker(args, around, diagnostics)),
        }
    }
    stack
}

impl ReadStack {
    pub(crate) fn into_model(self) -> Stack {
        Stack {
            idempotent: self.idempotent.map(|read| read.model),
            retry: self.retry.map(|read| read.model),
            breaker: self.breaker.map(|read| read.model),
        }
    }
}

/// Reads every item with `read`; what could not be read is missing, and `diagnostics` says why.
fn each<O: Table>(
    items: &[Item],
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(&Value<'_, O>, &mut Diagnostics) -> syn::Result<()>,
) -> Given<O> {
    let mut given = Given::default();
    for item in items {
        let Some(option) = O::named(&item.word) else {
            diagnostics.push(item.unknown::<O>());
            continue;
        };
        if given.span(option).is_some() {
            diagnostics.push(item.twice::<O>());
            continue;
        }
        given.add(option, item.key());
        let result = read(&Value { option, item }, diagnostics);
        diagnostics.keep(result);
    }
    given
}

/// Whether one of the items is no option: it may have been meant to be one that is needed, so that
/// nothing is reported as missing.
fn has_unknown<O: Table>(items: &[Item]) -> bool {
    items.iter().any(|item| O::named(&item.word).is_none())
}

/// One option with what was written behind its name.
struct Value<'a, O> {
    option: O,
    item: &'a Item,
}

impl<O: Table> Value<'_, O> {
    fn named(&self) -> Named {
        Named { name: self.option.name(), example: self.option.example() }
    }

    fn expr(&self) -> syn::Result<Expr> {
        self.item.expr(self.option)
    }

    fn spanned(&self, value: Expr) -> Spanned<Expr> {
        self.item.spanned(value.span(), value)
    }

    fn duration(&self) -> syn::Result<Spanned<DurationValue>> {
        let expr = self.expr()?;
        Ok(self.item.spanned(expr.span(), values::duration(self.named(), expr)?))
    }

    fn duration_above_zero(&self) -> syn::Result<Spanned<DurationValue>> {
        validate::not_zero(self.named(), self.duration()?)
    }

    fn count(&self, least: u32, most: u32) -> syn::Result<Spanned<Expr>> {
        Ok(self.spanned(values::count(self.named(), least, most, self.expr()?)?))
    }

    fn ratio(&self, least: f64, most: f64) -> syn::Result<Spanned<Expr>> {
        Ok(self.spanned(values::ratio(self.named(), Bounds { least, most }, self.expr()?)?))
    }

    fn share(&self) -> syn::Result<Spanned<Expr>> {
        Ok(self.spanned(values::share(self.named(), self.expr()?)?))
    }

    fn callable(&self, what: &str) -> syn::Result<Spanned<Expr>> {
        Ok(self.spanned(values::callable(self.named(), what, self.expr()?)?))
    }

    fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> syn::Result<Spanned<T>> {
        let expr = self.expr()?;
        Ok(self.item.spanned(expr.span(), values::word(self.named(), words, &expr)?))
    }

    fn boolean(&self) -> syn::Result<Spanned<LitBool>> {
        let expr = self.expr()?;
        Ok(self.item.spanned(expr.span(), values::boolean(self.named(), &expr)?))
    }

    fn name(&self) -> syn::Result<Spanned<LitStr>> {
        let expr = self.expr()?;
        Ok(self.item.spanned(expr.span(), values::name(self.named(), &expr)?))
    }

    fn crate_path(&self) -> syn::Result<Option<Path>> {
        let expr = values::path(self.named(), "a path", self.expr()?)?;
        Ok(syn::parse2(expr.into_token_stream()).ok())
    }

    /// A rule about errors into its place, which only one can have.
    fn rule(
        &self,
        place: &mut Option<Spanned<Rule>>,
        rule: Spanned<Rule>,
        decides: &str,
        diagnostics: &mut Diagnostics,
    ) {
        let word = |rule: &Rule| match rule {
            Rule::On(_) | Rule::Any => "on",
            Rule::When(_) => "when",
            Rule::Classify(_) => "classify",
        };
        match place {
            None => *place = Some(rule),
            Some(first) => diagnostics.push(fault(
                &self.item.name,
                format_args!(
                    "`{}` and `{}` both decide {decides}",
                    word(&first.value),
                    word(&rule.value)
                ),
                format_args!("keep one of {}", all_of([word(&first.value), word(&rule.value)])),
            )),
        }
    }

    fn when(&self) -> syn::Result<Spanned<Rule>> {
        let Spanned { key, span, value } = self.callable("a function `fn(&E) -> bool`")?;
        Ok(Spanned { key, span, value: Rule::When(value) })
    }

    fn classify(&self) -> syn::Result<Spanned<Rule>> {
        let what = "a function `fn(&E) -> Classification`";
        let Spanned { key, span, value } = self.callable(what)?;
        Ok(Spanned { key, span, value: Rule::Classify(value) })
    }

    fn classify_value(&self) -> syn::Result<Spanned<Expr>> {
        self.callable("a function `fn(&T) -> Option<Classification>`")
    }

    /// A name for the body that hides no argument.
    fn context(&self, facts: &FunctionFacts) -> syn::Result<Ident> {
        context(self.named(), facts, &self.expr()?)
    }

    /// Names of arguments in parentheses, each once.
    fn arguments(
        &self,
        facts: &FunctionFacts,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Vec<Ident>> {
        arguments(self.option.name(), self.item, facts, diagnostics)
    }
}

fn context(named: Named, facts: &FunctionFacts, expr: &Expr) -> syn::Result<Ident> {
    let ident = values::identifier(named, expr)?;
    if facts.has_argument(&ident.unraw().to_string()) {
        let free = ["attempt", "retry_attempt", "this_attempt"]
            .into_iter()
            .find(|name| !facts.has_argument(name))
            .unwrap_or("__attempt");
        return Err(fault(
            expr,
            format_args!("`context = {ident}` would hide the argument `{ident}`"),
            format_args!("write `context = {free}`"),
        ));
    }
    Ok(ident)
}

fn arguments(
    option: &str,
    item: &Item,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Vec<Ident>> {
    let list = match &item.shape {
        Shape::Called(group) if !group.stream().is_empty() => group.stream(),
        Shape::Assigned(tokens) if !tokens.is_empty() => {
            let inner = only_group(tokens, Delimiter::Bracket)
                .or_else(|| only_group(tokens, Delimiter::Parenthesis))
                .unwrap_or_else(|| tokens.clone());
            return Err(fault(
                tokens,
                format_args!(
                    "`{option}` takes arguments in parentheses, found `{}`",
                    excerpt(tokens)
                ),
                format_args!("write `{option}({})`", excerpt(&inner).trim_matches('"')),
            ));
        }
        _ => {
            let what = format!("`{option}` needs the names of arguments");
            let help = match facts.arguments.as_slice() {
                [] => "remove it; the function has no arguments".to_owned(),
                [first, ..] => format!("write `{option}({first})`"),
            };
            return Err(fault(&item.name, what, help));
        }
    };
    let mut names: Vec<Ident> = Vec::new();
    for (chunk, comma) in split(list, Angles::Always) {
        if chunk.is_empty() {
            if let Some(comma) = comma {
                diagnostics.error(comma, "a name is missing before this comma", "remove the comma");
            }
            continue;
        }
        let Ok(name) = Ident::parse_any.parse2(chunk.clone()) else {
            diagnostics.push(fault(
                &chunk,
                format_args!(
                    "`{option}` needs the names of arguments, found `{}`",
                    excerpt(&chunk)
                ),
                values::argument_help("", &facts.arguments, |name| format!("{option}({name})")),
            ));
            continue;
        };
        let text = name.unraw().to_string();
        if names.contains(&name) {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` is listed twice in `{option}`"),
                "remove one of the two",
            );
        } else if facts.has_argument(&text) {
            names.push(name);
        } else {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` in `{option}` names no argument of the function"),
                values::argument_help(&text, &facts.arguments, |name| format!("{option}({name})")),
            );
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
