//! `#[idempotent]`, option by option.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned as _;
use syn::{Expr, Lit, LitStr};

use super::{Around, Read, Value, each, has_unknown};
use crate::diagnostics::{Diagnostics, fault};
use crate::items::items;
use crate::model::{
    Idempotent, OnDrop, OnLeaseLost, OnStoreDown, OnUnknown, Replay, Spanned, Template,
};
use crate::options::IdempotentOption;
use crate::templates::template;
use crate::validate;
use crate::values;

/// A shorter one is over before it could be renewed.
const SHORTEST_LEASE: Duration = Duration::from_millis(30);

/// Reads the arguments of `#[idempotent(...)]`; what could not be read is missing in the model, and
/// `diagnostics` says why.
pub(crate) fn idempotent(
    args: TokenStream,
    around: Around,
    diagnostics: &mut Diagnostics,
) -> Read<Idempotent, IdempotentOption> {
    let mut model = Idempotent::new();
    let before = diagnostics.len();
    let items = items::<IdempotentOption>(args, diagnostics);
    let unreadable = diagnostics.len() > before || has_unknown::<IdempotentOption>(&items);
    let given = each(&items, diagnostics, |value, diagnostics| {
        read(value, around, &mut model, diagnostics)
    });
    if given.span(IdempotentOption::Key).is_none() && !unreadable {
        let help = match around.facts.arguments.iter().find(|argument| *argument != "self") {
            Some(argument) => {
                let text = argument.strip_suffix("_id").unwrap_or(argument);
                format!(
                    "write `key = \"{text}_{{{argument}}}\"`, made of what identifies the effect"
                )
            }
            None => "take what identifies the effect as an argument, and write it in \
                     `key = \"order_{order_id}\"`"
                .to_owned(),
        };
        let what = "`idempotent` does not say which calls are the same";
        diagnostics.push(fault(around.place, what, help));
    }
    validate::idempotent(&model, &given, around, diagnostics);
    Read { model, given, place: around.place.clone() }
}

fn read(
    value: &Value<'_, IdempotentOption>,
    Around { facts, .. }: Around,
    model: &mut Idempotent,
    diagnostics: &mut Diagnostics,
) -> syn::Result<()> {
    let item = value.item;
    match value.option {
        IdempotentOption::Key => {
            let expr = value.expr()?;
            model.key =
                item.spanned(expr.span(), template(value.named(), &facts.arguments, &expr)?);
        }
        IdempotentOption::Ttl => model.ttl = Some(value.duration_above_zero()?),
        IdempotentOption::Store => model.store = Some(value.spanned(store(value.expr()?)?)),
        IdempotentOption::Fingerprint => model.fingerprint = value.arguments(facts, diagnostics)?,
        IdempotentOption::Lease => {
            let lease = value.duration_above_zero()?;
            model.lease = Some(validate::long_enough(value.named(), SHORTEST_LEASE, lease)?);
        }
        // No time is a time to wait: a duplicate is refused at once.
        IdempotentOption::Wait => model.wait = Some(value.duration()?),
        IdempotentOption::OnUnknown => model.on_unknown = Some(on_unknown(value)?),
        IdempotentOption::OnStoreDown => {
            let words = [("fail", OnStoreDown::Fail), ("run", OnStoreDown::Run)];
            model.on_store_down = Some(value.word(&words)?);
        }
        IdempotentOption::OnDrop => {
            let words = [("unknown", OnDrop::Unknown), ("detach", OnDrop::Detach)];
            model.on_drop = Some(value.word(&words)?);
        }
        IdempotentOption::OnLeaseLost => {
            let words = [("cancel", OnLeaseLost::Cancel), ("continue", OnLeaseLost::Continue)];
            model.on_lease_lost = Some(value.word(&words)?);
        }
        IdempotentOption::Scope => model.scope = Some(value.name()?),
        IdempotentOption::Version => model.version = Some(value.count(0, u32::MAX)?),
        IdempotentOption::Replay => {
            let words = [("keyed", Replay::Keyed), ("unsent", Replay::Unsent)];
            model.replay = Some(value.word(&words)?);
        }
        IdempotentOption::RecordErrors => model.record_errors = Some(value.boolean()?),
        IdempotentOption::MapError => {
            model.map_error = Some(value.callable("a function `fn(IdempotencyError) -> E`")?);
        }
        IdempotentOption::Context => model.context = Some(value.context(facts)?),
        IdempotentOption::Name => model.name = Some(value.name()?),
        IdempotentOption::Crate => model.crate_path = value.crate_path()?,
    }
    Ok(())
}

/// Any expression but a literal: only the compiler knows what a store is.
fn store(expr: Expr) -> syn::Result<Expr> {
    if values::literal(&expr).is_none() {
        return Ok(expr);
    }
    let help = match values::literal(&expr) {
        Some((false, Lit::Str(text))) if text.value() == "memory" => {
            "remove it; the process-wide store is in memory until one is set".to_owned()
        }
        _ => {
            "write an expression: `store = store` for an argument, `store = &STORE` for a `static`"
                .to_owned()
        }
    };
    Err(fault(&expr, format_args!("`store` needs a store, found {}", values::found(&expr)), help))
}

/// `"hold"`, `"rerun"`, or a function that finds out.
fn on_unknown(value: &Value<'_, IdempotentOption>) -> syn::Result<Spanned<OnUnknown>> {
    const WORDS: [(&str, bool); 2] = [("hold", false), ("rerun", true)];
    let expr = value.expr()?;
    let span = expr.span();
    let unquoted = values::last_segment(&expr);
    if values::literal(&expr).is_none() && !WORDS.iter().any(|(word, _)| *word == unquoted) {
        let what = "a word in quotes or a function that finds out";
        let reconcile = values::callable(value.named(), what, expr)?;
        return Ok(value.item.spanned(span, OnUnknown::Reconcile(reconcile)));
    }
    let rerun = values::word(value.named(), &WORDS, &expr)?;
    Ok(value.item.spanned(span, if rerun { OnUnknown::Rerun } else { OnUnknown::Hold }))
}

impl Idempotent {
    /// A claim of no key, which stands for one that was refused: nothing is expanded then.
    pub(crate) fn new() -> Self {
        let nowhere = Span::call_site();
        let key = Template { pieces: Vec::new(), text: LitStr::new("", nowhere) };
        Self {
            key: Spanned { key: nowhere, span: nowhere, value: key },
            ttl: None,
            store: None,
            fingerprint: Vec::new(),
            lease: None,
            wait: None,
            on_unknown: None,
            on_store_down: None,
            on_drop: None,
            on_lease_lost: None,
            scope: None,
            version: None,
            replay: None,
            record_errors: None,
            map_error: None,
            context: None,
            name: None,
            crate_path: None,
        }
    }
}
