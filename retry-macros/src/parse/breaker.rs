//! `#[circuit_breaker]`, option by option, and the path that may stand without a name.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::{Expr, Lit, LitStr};

use super::{Around, Read, Value, each, has_unknown};
use crate::diagnostics::{Diagnostics, excerpt, fault, shortened};
use crate::entries;
use crate::items::{Item, Shape, items_beside};
use crate::limits::too_nested;
use crate::model::{Breaker, BreakerSource, Per, Spanned, Window};
use crate::options::{BreakerOption, Table};
use crate::templates::template;
use crate::validate;
use crate::values::{self, Named};

/// What the runtime takes at most.
const MOST_FAILURES: u32 = 1_048_575;
const MOST_CALLS: u32 = 10_000;
const MOST_FACTOR: f64 = 1000.0;
/// A window of time is looked at in tenths, which have to mean something.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);

/// Reads the arguments of `#[circuit_breaker(...)]`; what could not be read is missing in the
/// model, and `diagnostics` says why.
pub(crate) fn breaker(
    args: TokenStream,
    around: Around,
    diagnostics: &mut Diagnostics,
) -> Read<Breaker, BreakerOption> {
    let before = diagnostics.len();
    let mut paths: Vec<Expr> = Vec::new();
    let take = |chunk: &TokenStream, diagnostics: &mut Diagnostics| {
        let Some(result) = positional(chunk) else { return false };
        match diagnostics.keep(result) {
            Some(path) if paths.is_empty() => paths.push(path),
            Some(path) => diagnostics.push(fault(
                &path,
                format_args!("`{}` names a second breaker", excerpt(&path)),
                "keep one of the paths",
            )),
            None => {}
        }
        true
    };
    let items = items_beside::<BreakerOption>(args, take, diagnostics);
    let (flags, items) = items.into_iter().partition::<Vec<_>, _>(is_unknown_flag);
    for flag in flags {
        diagnostics.push(unnamed(&flag));
    }
    let unreadable = diagnostics.len() > before || has_unknown::<BreakerOption>(&items);
    let mut model = Breaker::new();
    let mut name = None;
    let given = each(&items, diagnostics, |value, diagnostics| {
        if value.option == BreakerOption::Name {
            name = Some(value.name()?);
            return Ok(());
        }
        read(value, around, &mut model, diagnostics)
    });
    let path = paths.pop();
    if path.is_none() && !unreadable && given.span(BreakerOption::Name).is_none() {
        diagnostics.push(fault(
            around.place,
            "`circuit_breaker` does not say which breaker",
            "write `name = \"payments\"`; functions with the same name share one",
        ));
    }
    if let Some(path) = &path {
        validate::breaker_of_a_path(path, &given, diagnostics);
    }
    model.source = match (path, name) {
        (Some(path), _) => {
            BreakerSource::Path(Spanned { key: path.span(), span: path.span(), value: path })
        }
        (None, Some(name)) => BreakerSource::Name(name),
        (None, None) => model.source,
    };
    validate::breaker(&model, &given, diagnostics);
    Read { model, given, place: around.place.clone() }
}

/// The path of a `static`, or what was written where it could stand.
fn positional(chunk: &TokenStream) -> Option<syn::Result<Expr>> {
    const WHAT: &str = "the path of a `static CircuitBreaker`";
    let mut tokens = chunk.clone().into_iter();
    let reference =
        matches!(tokens.next(), Some(TokenTree::Punct(first)) if first.as_char() == '&');
    if too_nested(chunk) {
        return None;
    }
    let expr = syn::parse2::<Expr>(chunk.clone()).ok()?;
    match &expr {
        Expr::Path(path) if path.attrs.is_empty() => {
            let last = path.path.segments.last()?.ident.to_string();
            let alone = path.path.get_ident().is_some();
            (!alone || last.starts_with(char::is_uppercase)).then_some(Ok(expr))
        }
        Expr::Reference(inner) if reference => {
            let help = match &*inner.expr {
                Expr::Path(path) => format!("write `{}`", excerpt(path)),
                _ => "write `PAYMENTS`, for example".to_owned(),
            };
            let what = format!("`circuit_breaker` takes {WHAT}, found {}", values::found(&expr));
            Some(Err(fault(chunk, what, help)))
        }
        _ => None,
    }
}

/// A lone word in lower case that is no option and no other library's word for one.
fn is_unknown_flag(item: &Item) -> bool {
    matches!(item.shape, Shape::Flag)
        && BreakerOption::named(&item.word).is_none()
        && BreakerOption::guess(&item.word, "").is_none()
}

fn unnamed(flag: &Item) -> syn::Error {
    let word = shortened(&flag.word);
    fault(
        &flag.name,
        format_args!("`circuit_breaker` has no option `{word}`"),
        format_args!(
            "write `name = \"{word}\"`, or the path of a `static`: `#[circuit_breaker(PAYMENTS)]`"
        ),
    )
}

fn read(
    value: &Value<'_, BreakerOption>,
    Around { facts, .. }: Around,
    model: &mut Breaker,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    const DECIDES: &str = "what counts as a failure";
    let item = value.item;
    match value.option {
        // Read by the caller: it decides which breaker this is.
        BreakerOption::Name => {}
        BreakerOption::FailureThreshold => {
            model.failure_threshold = Some(value.count(1, MOST_FAILURES)?);
        }
        BreakerOption::FailureRate => model.failure_rate = Some(value.share()?),
        BreakerOption::Window => model.window = Some(window(value)?),
        BreakerOption::MinimumCalls => model.minimum_calls = Some(value.count(1, u32::MAX)?),
        BreakerOption::SlowCall => model.slow_call = Some(value.duration_above_zero()?),
        BreakerOption::SlowCallRate => model.slow_call_rate = Some(value.share()?),
        BreakerOption::RecoveryTimeout => {
            model.recovery_timeout = Some(value.duration_above_zero()?);
        }
        BreakerOption::RecoveryFactor => {
            model.recovery_factor = Some(value.ratio(1.0, MOST_FACTOR)?);
        }
        BreakerOption::MaxRecoveryTimeout => {
            model.max_recovery_timeout = Some(value.duration_above_zero()?);
        }
        BreakerOption::RecoveryJitter => model.recovery_jitter = Some(value.ratio(0.0, 1.0)?),
        BreakerOption::HalfOpenRequests => {
            model.half_open_requests = Some(value.count(1, u32::MAX)?);
        }
        BreakerOption::ProbeTimeout => model.probe_timeout = Some(value.duration_above_zero()?),
        BreakerOption::TripOnSuccess => model.trip_on_success = Some(value.boolean()?),
        BreakerOption::On => {
            if let Some(rule) = entries::on(item, value.option, diagnostics)? {
                value.rule(&mut model.rule, rule, DECIDES, diagnostics);
            }
        }
        BreakerOption::NotOn => model.not_on = entries::except(item, value.option, diagnostics)?,
        BreakerOption::When => value.rule(&mut model.rule, value.when()?, DECIDES, diagnostics),
        BreakerOption::Classify => {
            value.rule(&mut model.rule, value.classify()?, DECIDES, diagnostics);
        }
        BreakerOption::ClassifyValue => model.classify_value = Some(value.classify_value()?),
        BreakerOption::Ignore => model.ignore = entries::except(item, value.option, diagnostics)?,
        BreakerOption::Key => {
            let expr = value.expr()?;
            let key = template(value.named(), &facts.arguments, &expr)?;
            model.key = Some(item.spanned(expr.span(), key));
        }
        BreakerOption::MaxKeys => model.max_keys = Some(value.count(1, u32::MAX)?),
        BreakerOption::Fallback => {
            let what = "the path of a function with the same arguments and return type";
            model.fallback = Some(value.callable(what)?);
        }
        BreakerOption::MapOpen => {
            model.map_open = Some(value.callable("a function `fn(CircuitOpen) -> E`")?);
        }
        BreakerOption::Per => {
            model.per = Some(value.word(&[("attempt", Per::Attempt), ("call", Per::Call)])?);
        }
        BreakerOption::Crate => model.crate_path = value.crate_path()?,
    }
    Ok(())
}

/// `100` for calls, `"10s"` for a time. An expression may be either, and only its type tells: what
/// is written like a duration is one.
fn window(value: &Value<'_, BreakerOption>) -> syn::Result<Spanned<Window>> {
    let named = value.named();
    let expr = value.expr()?;
    let span = expr.span();
    let window = match values::literal(&expr) {
        Some((_, Lit::Str(text))) if text.value().trim().parse::<u32>().is_ok() => {
            let text = text.value();
            let text = text.trim();
            return Err(fault(
                &expr,
                format_args!(
                    "`window` needs a number of calls or a time, found the string {text:?}"
                ),
                format_args!(
                    "write `window = {text}` for calls, `window = \"{text}s\"` for a time"
                ),
            ));
        }
        Some((_, Lit::Str(_))) => {
            let named = Named { example: "window = \"10s\"", ..named };
            let duration = values::duration(named, expr)?;
            let duration = validate::not_zero(named, value.item.spanned(span, duration))?;
            Window::Time(validate::long_enough(named, SHORTEST_WINDOW, duration)?.value)
        }
        Some((_, Lit::Int(int))) if matches!(int.suffix(), "ms" | "s" | "m" | "h") => {
            let named = Named { example: "window = \"10s\"", ..named };
            Window::Time(values::duration(named, expr)?)
        }
        // Its type says which it is.
        None => Window::Measured(values::count(named, 1, MOST_CALLS, expr)?),
        _ => Window::Calls(values::count(named, 1, MOST_CALLS, expr)?),
    };
    Ok(value.item.spanned(span, window))
}

impl Breaker {
    /// A breaker of no name, which stands for one that was refused: nothing is expanded then.
    pub(crate) fn new() -> Self {
        let nowhere = Span::call_site();
        let name = Spanned { key: nowhere, span: nowhere, value: LitStr::new("", nowhere) };
        Self {
            source: BreakerSource::Name(name),
            failure_threshold: None,
            failure_rate: None,
            window: None,
            minimum_calls: None,
            slow_call: None,
            slow_call_rate: None,
            recovery_timeout: None,
            recovery_factor: None,
            max_recovery_timeout: None,
            recovery_jitter: None,
            half_open_requests: None,
            probe_timeout: None,
            trip_on_success: None,
            rule: None,
            not_on: Vec::new(),
            ignore: Vec::new(),
            classify_value: None,
            key: None,
            max_keys: None,
            fallback: None,
            map_open: None,
            per: None,
            crate_path: None,
        }
    }
}
