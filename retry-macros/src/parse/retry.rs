//! `#[retry]`, option by option.

use proc_macro2::TokenStream;
use syn::Expr;
use syn::spanned::Spanned as _;

use super::{Around, Read, Value, budget, each};
use crate::diagnostics::{Diagnostics, excerpt, fault};
use crate::entries;
use crate::items::{Item, items};
use crate::model::{Backoff, Deadline, DurationValue, Jitter, Nested, Retry, Spanned};
use crate::options::RetryOption;
use crate::validate;
use crate::values::{self, Named};

/// Reads the arguments of `#[retry(...)]`; what could not be read is missing in the model, and
/// `diagnostics` says why.
pub(crate) fn retry(
    args: TokenStream,
    around: Around,
    diagnostics: &mut Diagnostics,
) -> Read<Retry, RetryOption> {
    let mut model = Retry::new();
    let items = items::<RetryOption>(args, diagnostics);
    let given = each(&items, diagnostics, |value, diagnostics| {
        read(value, around, &mut model, diagnostics)
    });
    validate::retry(&model, &given, around, diagnostics);
    Read { model, given, place: around.place.clone() }
}

fn read(
    value: &Value<'_, RetryOption>,
    Around { facts, .. }: Around,
    model: &mut Retry,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    const DECIDES: &str = "which errors are retried";
    let (item, named) = (value.item, value.named());
    match value.option {
        RetryOption::MaxAttempts => model.max_attempts = Some(value.count(1, u32::MAX)?),
        RetryOption::On => {
            if let Some(rule) = entries::on(item, value.option, diagnostics)? {
                value.rule(&mut model.rule, rule, DECIDES, diagnostics);
            }
        }
        RetryOption::NotOn => model.not_on = entries::except(item, value.option, diagnostics)?,
        RetryOption::When => value.rule(&mut model.rule, value.when()?, DECIDES, diagnostics),
        RetryOption::Classify => {
            value.rule(&mut model.rule, value.classify()?, DECIDES, diagnostics);
        }
        RetryOption::ClassifyValue => model.classify_value = Some(value.classify_value()?),
        RetryOption::WhenValue => {
            model.when_value = Some(value.callable("a function `fn(&T) -> bool`")?);
        }
        RetryOption::Backoff => model.backoff = Some(backoff(item, named, value.expr()?)?),
        RetryOption::BaseDelay => model.base_delay = Some(value.duration()?),
        RetryOption::MaxDelay => model.max_delay = Some(value.duration()?),
        RetryOption::Factor => model.factor = Some(value.ratio(1.0, f64::INFINITY)?),
        RetryOption::Jitter => {
            let words = [("full", Jitter::Full), ("equal", Jitter::Equal), ("none", Jitter::None)];
            model.jitter = Some(value.word(&words)?);
        }
        RetryOption::AttemptTimeout => {
            model.attempt_timeout = Some(value.duration_above_zero()?);
        }
        RetryOption::Deadline => model.deadline = Some(deadline(item, named, value.expr()?)?),
        RetryOption::MaxRetryAfter => model.max_retry_after = Some(value.duration()?),
        RetryOption::Policy => {
            let what = "the path of a `static RetryPolicy`";
            model.policy = Some(value.spanned(values::path(named, what, value.expr()?)?));
        }
        RetryOption::Budget => model.budget = budget::budget(item, named, facts, diagnostics)?,
        RetryOption::Clone => model.clone = value.arguments(facts, diagnostics)?,
        RetryOption::Context => model.context = Some(value.context(facts)?),
        RetryOption::OnRetry => {
            model.on_retry = Some(value.callable("a function `fn(&RetryEvent)`")?);
        }
        RetryOption::Nested => {
            let words = [("suppress", Nested::Suppress), ("allow", Nested::Allow)];
            model.nested = Some(value.word(&words)?);
        }
        RetryOption::Name => model.name = Some(value.name()?),
        RetryOption::Sleep => {
            model.sleep = Some(value.callable("the path of an async function")?);
        }
        RetryOption::MapTimeout => {
            model.map_timeout = Some(value.callable("a function `fn(AttemptTimeout) -> E`")?);
        }
        RetryOption::LogErrors => model.log_errors = Some(value.boolean()?),
        RetryOption::LogLimit => model.log_limit = Some(value.count(0, u32::MAX)?),
        RetryOption::Crate => model.crate_path = value.crate_path()?,
    }
    Ok(())
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
