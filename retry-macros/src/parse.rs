//! From tokens to the model, one option at a time.
//!
//! A fault in one option hides no other. What a value may be is known to `values`, what options
//! may stand beside each other to `validate`.

use proc_macro2::{Delimiter, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, Lit};

use crate::diagnostics::{Diagnostics, all_of, excerpt, fault};
use crate::entries;
use crate::items::{Angles, Item, Shape, items, only_group, split};
use crate::model::{
    Backoff, Budget, Deadline, DurationValue, InlineBudget, Jitter, Nested, Retry, Rule, Spanned,
};
use crate::options::{BudgetOption, RetryOption, Table};
use crate::validate::{self, FunctionFacts, Given};
use crate::values::{self, Bounds, Named};

/// Reads the arguments of `#[retry(...)]`; what could not be read is missing in the model, and
/// `diagnostics` says why.
pub(crate) fn retry(
    args: TokenStream,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> Retry {
    let mut model = Retry::new();
    let mut given = Given::default();
    for item in items::<RetryOption>(args, diagnostics) {
        let Some(option) = RetryOption::named(&item.word) else {
            diagnostics.push(item.unknown::<RetryOption>());
            continue;
        };
        if given.span(option).is_some() {
            diagnostics.push(item.twice::<RetryOption>());
            continue;
        }
        given.add(option, item.key());
        let result = read_retry(option, &item, facts, &mut model, diagnostics);
        diagnostics.keep(result);
    }
    validate::retry(&model, &given, facts, diagnostics);
    model
}

fn read_retry(
    option: RetryOption,
    item: &Item,
    facts: &FunctionFacts,
    model: &mut Retry,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    let named = Named { name: option.name(), example: option.example() };
    let expr = || item.expr::<RetryOption>(option);
    let spanned = |value: Expr| item.spanned(value.span(), value);
    let duration = || {
        let expr = expr()?;
        Ok::<_, syn::Error>(item.spanned(expr.span(), values::duration(named, expr)?))
    };
    let callable =
        |what: &str| Ok::<_, syn::Error>(spanned(values::callable(named, what, expr()?)?));
    match option {
        RetryOption::MaxAttempts => {
            model.max_attempts = Some(spanned(values::count(named, 1, expr()?)?));
        }
        RetryOption::On => {
            if let Some(rule) = entries::on(item, named, diagnostics)? {
                set_rule(model, item, rule, diagnostics);
            }
        }
        RetryOption::NotOn => model.not_on = entries::not_on(item, named, diagnostics)?,
        RetryOption::When => {
            let Spanned { value, .. } = callable("a function `fn(&E) -> bool`")?;
            set_rule(model, item, item.spanned(value.span(), Rule::When(value)), diagnostics);
        }
        RetryOption::Classify => {
            let Spanned { value, .. } = callable("a function `fn(&E) -> Classification`")?;
            set_rule(model, item, item.spanned(value.span(), Rule::Classify(value)), diagnostics);
        }
        RetryOption::ClassifyValue => {
            let what = "a function `fn(&T) -> Option<Classification>`";
            model.classify_value = Some(callable(what)?);
        }
        RetryOption::WhenValue => {
            model.when_value = Some(callable("a function `fn(&T) -> bool`")?);
        }
        RetryOption::Backoff => model.backoff = Some(backoff(item, named, expr()?)?),
        RetryOption::BaseDelay => model.base_delay = Some(duration()?),
        RetryOption::MaxDelay => model.max_delay = Some(duration()?),
        RetryOption::Factor => {
            let bounds = Bounds { least: 1.0, most: f64::INFINITY };
            model.factor = Some(spanned(values::ratio(named, bounds, expr()?)?));
        }
        RetryOption::Jitter => {
            let words = [("full", Jitter::Full), ("equal", Jitter::Equal), ("none", Jitter::None)];
            let expr = expr()?;
            model.jitter = Some(item.spanned(expr.span(), values::word(named, &words, &expr)?));
        }
        RetryOption::AttemptTimeout => {
            model.attempt_timeout = Some(validate::not_zero(named, duration()?)?);
        }
        RetryOption::Deadline => model.deadline = Some(deadline(item, named, expr()?)?),
        RetryOption::MaxRetryAfter => model.max_retry_after = Some(duration()?),
        RetryOption::Policy => {
            let what = "the path of a `static RetryPolicy`";
            model.policy = Some(spanned(values::path(named, what, expr()?)?));
        }
        RetryOption::Budget => model.budget = budget(item, named, facts, diagnostics)?,
        RetryOption::Clone => model.clone = clone(item, facts, diagnostics)?,
        RetryOption::Context => model.context = Some(context(named, facts, &expr()?)?),
        RetryOption::OnRetry => model.on_retry = Some(callable("a function `fn(&RetryEvent)`")?),
        RetryOption::Nested => {
            let words = [("suppress", Nested::Suppress), ("allow", Nested::Allow)];
            let expr = expr()?;
            model.nested = Some(item.spanned(expr.span(), values::word(named, &words, &expr)?));
        }
        RetryOption::Name => {
            let expr = expr()?;
            model.name = Some(item.spanned(expr.span(), values::name(named, &expr)?));
        }
        RetryOption::Sleep => model.sleep = Some(callable("the path of an async function")?),
        RetryOption::MapTimeout => {
            model.map_timeout = Some(callable("a function `fn(AttemptTimeout) -> E`")?);
        }
        RetryOption::LogErrors => {
            let expr = expr()?;
            model.log_errors = Some(item.spanned(expr.span(), values::boolean(named, &expr)?));
        }
        RetryOption::LogLimit => {
            model.log_limit = Some(spanned(values::count(named, 0, expr()?)?));
        }
        RetryOption::Crate => {
            let expr = values::path(named, "a path", expr()?)?;
            model.crate_path = syn::parse2(expr.into_token_stream()).ok();
        }
    }
    Ok(())
}

// ---- the options that are no plain value ----

fn set_rule(model: &mut Retry, item: &Item, rule: Spanned<Rule>, diagnostics: &mut Diagnostics) {
    let word = |rule: &Rule| match rule {
        Rule::On(_) | Rule::Any => "on",
        Rule::When(_) => "when",
        Rule::Classify(_) => "classify",
    };
    match &model.rule {
        None => model.rule = Some(rule),
        Some(first) => diagnostics.push(fault(
            &item.name,
            format_args!(
                "`{}` and `{}` both decide which errors are retried",
                word(&first.value),
                word(&rule.value)
            ),
            format_args!("keep one of {}", all_of([word(&first.value), word(&rule.value)])),
        )),
    }
}

fn backoff(item: &Item, named: Named, expr: Expr) -> syn::Result<Spanned<Backoff>> {
    const WORDS: [(&str, Word); 4] = [
        ("exponential", Word::Exponential),
        ("linear", Word::Linear),
        ("constant", Word::Constant),
        ("decorrelated", Word::Decorrelated),
    ];
    #[derive(Clone, Copy)]
    enum Word {
        Exponential,
        Linear,
        Constant,
        Decorrelated,
    }
    let span = expr.span();
    let unquoted = values::last_segment(&expr);
    if values::literal(&expr).is_none() && !WORDS.iter().any(|(word, _)| *word == unquoted) {
        let expr = values::callable(named, "a word in quotes or a value", expr)?;
        return Ok(item.spanned(span, Backoff::Custom(expr)));
    }
    let backoff = match values::word(named, &WORDS, &expr)? {
        Word::Exponential => Backoff::Exponential,
        Word::Linear => Backoff::Linear,
        Word::Constant => Backoff::Constant,
        Word::Decorrelated => Backoff::Decorrelated,
    };
    Ok(item.spanned(span, backoff))
}

/// `"10s"` or `soft("10s")`.
fn deadline(item: &Item, named: Named, expr: Expr) -> syn::Result<Spanned<Deadline>> {
    let mut soft = false;
    let mut value = expr;
    if let Expr::Call(call) = &value
        && matches!(&*call.func, Expr::Path(path) if path.path.is_ident("soft"))
    {
        let (Some(inner), 1) = (call.args.first(), call.args.len()) else {
            return Err(fault(
                &value,
                format_args!("`soft(…)` needs one duration, found `{}`", excerpt(&value)),
                "write `deadline = soft(\"30s\")`",
            ));
        };
        soft = true;
        value = inner.clone();
    }
    let named = if soft { Named { example: "deadline = soft(\"30s\")", ..named } } else { named };
    let span = value.span();
    let duration: Spanned<DurationValue> =
        validate::not_zero(named, item.spanned(span, values::duration(named, value)?))?;
    Ok(item.spanned(span, Deadline { soft, value: duration.value }))
}

fn clone(
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
                format_args!("`clone` takes arguments in parentheses, found `{}`", excerpt(tokens)),
                format_args!("write `clone({})`", excerpt(&inner).trim_matches('"')),
            ));
        }
        _ => {
            let what = "`clone` needs the names of arguments";
            let help = match facts.arguments.as_slice() {
                [] => "remove it; the function has no arguments".to_owned(),
                [first, ..] => format!("write `clone({first})`"),
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
                format_args!("`clone` needs the names of arguments, found `{}`", excerpt(&chunk)),
                values::argument_help("", &facts.arguments, |name| format!("clone({name})")),
            ));
            continue;
        };
        let text = name.unraw().to_string();
        if names.contains(&name) {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` is listed twice in `clone`"),
                "remove one of the two",
            );
        } else if facts.has_argument(&text) {
            names.push(name);
        } else {
            diagnostics.error(
                name.span(),
                format_args!("`{name}` in `clone` names no argument of the function"),
                values::argument_help(&text, &facts.arguments, |name| format!("clone({name})")),
            );
        }
    }
    Ok(names)
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

fn budget(
    item: &Item,
    named: Named,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> syn::Result<Option<Spanned<Budget>>> {
    const INLINE: &str = "budget(tokens_per_second = 10, max_tokens = 50)";
    if let Shape::Called(group) = &item.shape {
        let inline = inline_budget(group.stream(), facts, diagnostics);
        if group.stream().is_empty() {
            return Err(fault(
                &item.name,
                "`budget()` says nothing",
                format_args!("write `{INLINE}`"),
            ));
        }
        return Ok(Some(item.spanned(group.span(), Budget::Inline(inline))));
    }
    let expr = item.expr(RetryOption::Budget)?;
    let span = expr.span();
    match &expr {
        Expr::Path(path) if path.path.is_ident("none") => {
            return Ok(Some(item.spanned(span, Budget::None)));
        }
        Expr::Path(path) if path.path.is_ident("None") => {
            return Err(fault(
                &expr,
                "`budget` needs `none` in lower case, found the path `None`",
                "write `budget = none`",
            ));
        }
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("budget")) =>
        {
            return Err(fault(
                &expr,
                format_args!(
                    "`budget(…)` stands without `budget =`, found {}",
                    values::found(&expr)
                ),
                format_args!("write `{}`", excerpt(&expr)),
            ));
        }
        _ => {}
    }
    let what = "the path of a `static RetryBudget`, or `none`";
    let example = match values::literal(&expr) {
        Some((_, Lit::Int(_) | Lit::Float(_))) | None => INLINE,
        Some(_) => named.example,
    };
    // A budget that is made in place would be a new one for every call.
    let path = values::path(Named { example, ..named }, what, expr)?;
    Ok(Some(item.spanned(span, Budget::Path(path))))
}

fn inline_budget(
    tokens: TokenStream,
    facts: &FunctionFacts,
    diagnostics: &mut Diagnostics,
) -> InlineBudget {
    let mut budget = InlineBudget::default();
    let mut given = Vec::new();
    for item in items::<BudgetOption>(tokens, diagnostics) {
        let Some(option) = BudgetOption::named(&item.word) else {
            diagnostics.push(item.unknown::<BudgetOption>());
            continue;
        };
        if given.contains(&option) {
            diagnostics.push(item.twice::<BudgetOption>());
            continue;
        }
        given.push(option);
        let result = read_budget(option, &item, facts, &mut budget);
        diagnostics.keep(result);
    }
    validate::budget(&budget, &given, diagnostics);
    budget
}

fn read_budget(
    option: BudgetOption,
    item: &Item,
    facts: &FunctionFacts,
    budget: &mut InlineBudget,
) -> syn::Result<()> {
    let named = Named { name: option.name(), example: option.example() };
    let expr = item.expr::<BudgetOption>(option)?;
    let span = expr.span();
    let unbounded = |least| Bounds { least, most: f64::INFINITY };
    match option {
        BudgetOption::TokensPerSecond => {
            let value = values::number(named, unbounded(0.0), expr)?;
            budget.tokens_per_second = Some(item.spanned(span, value));
        }
        BudgetOption::MaxTokens => {
            let value = values::number(named, unbounded(1.0), expr)?;
            budget.max_tokens = Some(item.spanned(span, value));
        }
        BudgetOption::Ratio => {
            let bounds = Bounds { least: 0.0, most: 1.0 };
            budget.ratio = Some(item.spanned(span, values::ratio(named, bounds, expr)?));
        }
        BudgetOption::Name => {
            budget.name = Some(item.spanned(span, values::name(named, &expr)?));
        }
        BudgetOption::Key => {
            let key = values::template(named, &facts.arguments, &expr)?;
            budget.key =
                Some(item.spanned(span, crate::model::Template { pieces: Vec::new(), text: key }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
